// The integrations of the WebSocket API, and GET /me of the REST API.

// command sends an @connections command. A real function uses the AWS SDK, which signs it.
const command = (endpoint, event, method, body) =>
  fetch(`${endpoint}/@connections/${encodeURIComponent(event.requestContext.connectionId)}`, {
    method,
    body,
    headers: { Authorization: 'AWS4-HMAC-SHA256 Credential=local/20260101/eu-west-1/execute-api/aws4_request, SignedHeaders=host, Signature=local' },
  });

export const handler = async (event) => {
  const { authorizer, domainName, eventType, stage } = event.requestContext;
  const about = { origin: authorizer.allowedOrigin, expires: Number(authorizer.expires), token: /^Bearer .{8}/.test(authorizer.token) };
  if (eventType === 'DISCONNECT') {
    console.log(`left with ${event.requestContext.disconnectStatusCode}, ${JSON.stringify(about)}`);
    return { statusCode: 200 };
  }
  if (eventType !== 'MESSAGE') {
    return { statusCode: 200, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(about) };
  }
  switch (event.body) {
    case 'push': // as the documentation makes the address, and as CDK writes it into the environment
      await command(`https://${domainName}/${stage}`, event, 'POST', 'by domainName');
      await command(process.env.CALLBACK_URL, event, 'POST', 'by callbackUrl');
      await command(process.env.AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI, event, 'POST', 'by variable');
      return { statusCode: 200 };
    case 'close':
      await command(`https://${domainName}/${stage}`, event, 'DELETE');
      return { statusCode: 200 };
    default:
      return { statusCode: 200, body: JSON.stringify({ echo: event.body, ...about }) };
  }
};
