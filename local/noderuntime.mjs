// Runs a Node.js Lambda function on this machine: loads the handler that _HANDLER names from LAMBDA_TASK_ROOT and serves
// the Lambda Runtime API (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html). Handlers are async functions,
// take a callback, or are wrapped in awslambda.streamifyResponse. The AWS SDK, which Lambda's own runtime brings along,
// is not here: bundle it with the function.
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;

const describe = (error) => JSON.stringify({
  errorType: error?.name ?? 'Error',
  errorMessage: error?.message ?? String(error),
  trace: String(error?.stack ?? '').split('\n'),
});

const post = (path, body) => fetch(`${api}/${path}`, { method: 'POST', body });

// Lambda's own runtime gives these to functions that stream.
const streaming = Symbol('streaming');
globalThis.awslambda = {
  streamifyResponse: (handler) => Object.assign(handler, { [streaming]: true }),
  HttpResponseStream: {
    from(stream, metadata) {
      stream.setHeader('Content-Type', 'application/vnd.awslambda.http-integration-response');
      stream.write(JSON.stringify(metadata));
      stream.write(Buffer.alloc(8));
      return stream;
    },
  },
};

/** Runs a streaming handler. An error after the first byte goes into trailers. */
async function stream(handler, id, event, context) {
  const response = request(`${api}/invocation/${id}/response`, {
    method: 'POST',
    headers: {
      'Lambda-Runtime-Function-Response-Mode': 'streaming',
      'Transfer-Encoding': 'chunked',
      Trailer: 'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body',
    },
  });
  response.setContentType = (type) => response.setHeader('Content-Type', type);
  const accepted = new Promise((resolve, reject) => {
    response.on('response', (answer) => answer.resume().on('end', resolve));
    response.on('error', reject);
  });
  try {
    await handler(event, response, context);
    if (!response.writableEnded) response.end();
  } catch (error) {
    console.error(error);
    if (!response.headersSent) {
      response.on('error', () => {}).destroy();
      accepted.catch(() => {});
      await post(`invocation/${id}/error`, describe(error));
      return;
    }
    response.addTrailers({
      'Lambda-Runtime-Function-Error-Type': error?.name ?? 'Error',
      'Lambda-Runtime-Function-Error-Body': Buffer.from(describe(error)).toString('base64'),
    });
    response.end();
  }
  await accepted;
}

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
  if (handler[streaming]) {
    await stream(handler, id, await next.json(), context);
    continue;
  }
  try {
    const value = await run(handler, await next.json(), context);
    await post(`invocation/${id}/response`, JSON.stringify(value ?? null));
  } catch (error) {
    console.error(error);
    await post(`invocation/${id}/error`, describe(error));
  }
}
