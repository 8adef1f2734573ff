// Makes calls with Hugging Face's client, one after the other, and prints what came of each.
//
// Standard input: [{"method": "textClassification", "url": …, "arguments": {…}, "headers": {…}, "key": …}, …];
// standard output: [{"value": …} | {"message": …, "status": …, "requestId": …}, …].

import { InferenceClient } from "@huggingface/inference";

const text = await new Response(process.stdin).text();
const outcomes = [];
for (const call of JSON.parse(text)) {
  const client = new InferenceClient(call.key ?? undefined, {
    endpointUrl: call.url,
    retry_on_error: false, // otherwise it asks again and again, without a pause, while a 503 lasts
    fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...call.headers } }),
  });
  try {
    outcomes.push({ value: await client[call.method](call.arguments) });
  } catch (error) {
    const { status, requestId } = error.httpResponse ?? {};
    outcomes.push({ message: error.message, status, requestId });
  }
}
console.log(JSON.stringify(outcomes));
