// Runs a Node.js Lambda function on this machine: loads the handler that _HANDLER names from LAMBDA_TASK_ROOT and serves
// the Lambda Runtime API (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html). Handlers are async functions
// or take a callback. Response streaming and the AWS SDK, which Lambda's own runtime brings along, are not here: bundle
// the SDK with the function.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;

const describe = (error) => JSON.stringify({
  errorType: error?.name ?? 'Error',
  errorMessage: error?.message ?? String(error),
  trace: String(error?.stack ?? '').split('\n'),
});

const post = (path, body) => fetch(`${api}/${path}`, { method: 'POST', body });

async function load() {
  const [, file, name] = /^(.*)\.([^./]+)$/.exec(process.env._HANDLER) ?? [];
  const found = ['.js', '.mjs', '.cjs', '/index.js', '/index.mjs'].map((end) => join(process.env.LAMBDA_TASK_ROOT, file + end)).find(existsSync);
  if (!found) throw new Error(`no file for the handler ${process.env._HANDLER}`);
  const module = await import(pathToFileURL(found));
  const handler = module[name] ?? module.default?.[name];
  if (typeof handler !== 'function') throw new Error(`${process.env._HANDLER} is not a function`);
  return handler;
}

function run(handler, event, context) {
  return new Promise((resolve, reject) => {
    const result = handler(event, context, (error, value) => (error ? reject(error) : resolve(value)));
    if (typeof result?.then === 'function') result.then(resolve, reject);
    else if (handler.length < 3) resolve(result);
  });
}

let handler;
try {
  handler = await load();
} catch (error) {
  console.error(error);
  await post('init/error', describe(error));
  process.exit(1);
}
for (;;) {
  const next = await fetch(`${api}/invocation/next`);
  const id = next.headers.get('lambda-runtime-aws-request-id');
  const deadline = Number(next.headers.get('lambda-runtime-deadline-ms'));
  const context = {
    awsRequestId: id,
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: next.headers.get('lambda-runtime-invoked-function-arn'),
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
  try {
    const value = await run(handler, await next.json(), context);
    await post(`invocation/${id}/response`, JSON.stringify(value ?? null));
  } catch (error) {
    console.error(error);
    await post(`invocation/${id}/error`, describe(error));
  }
}
