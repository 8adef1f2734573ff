-- Keeps connections busy until each line of a file has been the body of one request and has its
-- answer, then stops wrk and writes a report. wrk itself knows only a duration; here every server
-- gets the same texts, however fast it is.

local ffi = require("ffi")
ffi.cdef [[
typedef struct { long seconds; long nanoseconds; } timespec_t;
int clock_gettime(int clock, timespec_t *time);
int getpid(void);
int kill(int process, int signal);
]]
local MONOTONIC, SIGINT, NEVER_MILLISECONDS = 1, 2, 1e8
local time = ffi.new("timespec_t")

local function now()
  ffi.C.clock_gettime(MONOTONIC, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

local requests = {}
local sent = -1 -- wrk asks for one request that it does not send, to see what it looks like
local promised = 0
-- Global, for done() reads them from the thread:
answered, resent, refusals, first_sent, last_answered = 0, 0, "", 0, 0

function setup(thread)
  the_thread = thread
end

function init()
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  for body in io.lines(os.getenv("BENCH_BODIES")) do
    requests[#requests + 1] = wrk.format(nil, nil, nil, body)
  end
end

-- Milliseconds until a connection sends its next request.
function delay()
  promised = promised + 1
  return promised > #requests and NEVER_MILLISECONDS or 0
end

function request()
  sent = sent + 1
  if sent == 1 then
    first_sent = now()
  end
  resent = math.max(sent - #requests, 0) -- whose connection broke before the answer
  return requests[math.max(sent - 1, 0) % #requests + 1]
end

function response(status)
  answered = answered + 1
  if status ~= 200 then
    refusals = refusals .. status .. " "
  end
  if answered == #requests then
    last_answered = now()
    ffi.C.kill(ffi.C.getpid(), SIGINT)
  end
end

function done(summary, latency)
  local errors = summary.errors
  local report = io.open(os.getenv("BENCH_REPORT"), "w")
  local counts = {}
  for index = 1, #latency do
    local microseconds, count = latency(index)
    counts[index] = string.format("[%d, %d]", microseconds, count)
  end
  report:write(string.format(
    '{"seconds": %.6f, "answered": %d, "resent": %d, "refusals": "%s", "run_microseconds": %d, ' ..
    '"socket_errors": {"connect": %d, "read": %d, "write": %d, "timeout": %d}, "histogram": [%s]}\n',
    the_thread:get("last_answered") - the_thread:get("first_sent"), the_thread:get("answered"),
    the_thread:get("resent"), the_thread:get("refusals"), summary.duration,
    errors.connect, errors.read, errors.write, errors.timeout, table.concat(counts, ", ")
  ))
  report:close()
end
