import { readFileSync } from 'node:fs'
import * as apigateway from 'aws-cdk-lib/aws-apigateway'
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include'
import { Construct } from 'constructs'

export interface TokenHandlerProps {
  /** The REST API that gets the agent's endpoints. It must not set defaultCorsPreflightOptions. */
  api: apigateway.RestApi
  /** token-handler.template.json of the release. */
  template: string
  /** Its parameters, without RestApiId and RootResourceId. docs/settings.md explains the variables that they set. */
  parameters: { CodeBucket: string, CodePrefix: string, TrustedWebOrigin: string, RedirectUri: string, Issuer: string, ClientId: string, [name: string]: string }
}

export interface Route {
  /** Path of the API, such as /orders/{id}. */
  path: string
  methods: string[]
  /** URL of the upstream API with the same path parameters. */
  upstream: string
  /** Query parameters that the upstream API gets. */
  query?: string[]
}

/** The token handler of the release on a REST API. */
export class TokenHandler extends Construct {
  private readonly included: CfnInclude

  constructor(scope: Construct, id: string, private readonly props: TokenHandlerProps) {
    super(scope, id)
    const { api, template, parameters } = props
    this.included = new CfnInclude(this, 'Template', {
      templateFile: template,
      parameters: { RestApiId: api.restApiId, RootResourceId: api.restApiRootResourceId },
    })
    // As defaults, so that CloudFormation checks their patterns.
    for (const [name, value] of Object.entries(parameters)) this.included.getParameter(name).default = value
    // The stage serves a deployment, which is a copy of the API: it must be made
    // after the methods of the template, and anew when they change.
    api.latestDeployment?.node.addDependency(this.included)
    api.latestDeployment?.addToLogicalId({ template: readFileSync(template, 'utf8'), parameters })
  }

  /** Adds methods that need a session. The upstream API gets the access token and no cookie. */
  protect(route: Route): void {
    const resource = this.props.api.root.resourceForPath(route.path)
    const pathParameters = [...route.path.matchAll(/{(\w+)}/g)].map(match => match[1])
    const up: Record<string, string> = {
      'integration.request.header.Authorization': 'context.authorizer.token',
      'integration.request.header.Content-Type': 'method.request.header.Content-Type',
      'integration.request.header.Accept': 'method.request.header.Accept',
    }
    for (const name of pathParameters) up[`integration.request.path.${name}`] = `method.request.path.${name}`
    for (const name of route.query ?? []) up[`integration.request.querystring.${name}`] = `method.request.multivaluequerystring.${name}`
    const down = {
      'method.response.header.Access-Control-Allow-Origin': 'context.authorizer.allowedOrigin',
      'method.response.header.Access-Control-Allow-Credentials': "'true'",
      'method.response.header.Cache-Control': "'no-store'",
      'method.response.header.Content-Type': 'integration.response.header.Content-Type',
      'method.response.header.Vary': "'Origin'",
    }
    for (const method of route.methods) {
      const integration = new apigateway.HttpIntegration(route.upstream, {
        httpMethod: method,
        proxy: false,
        options: {
          passthroughBehavior: apigateway.PassthroughBehavior.WHEN_NO_MATCH,
          requestParameters: up,
          integrationResponses: [
            { statusCode: '500', responseParameters: down }, // every other status
            ...statuses.map(statusCode => ({ statusCode, selectionPattern: statusCode, responseParameters: down })),
          ],
        },
      })
      resource.addMethod(method, integration, {
        authorizer: { authorizerId: this.included.getResource('Authorizer').ref, authorizationType: apigateway.AuthorizationType.CUSTOM },
        authorizationType: apigateway.AuthorizationType.CUSTOM,
        requestParameters: Object.fromEntries(Object.values(up).filter(from => from.startsWith('method.')).map(from =>
          [from.replace('multivaluequerystring', 'querystring'), from.startsWith('method.request.path.')])),
        methodResponses: ['500', ...statuses].map(statusCode => ({
          statusCode, responseParameters: Object.fromEntries(Object.keys(down).map(header => [header, true])),
        })),
      })
    }
    this.addPreflight(resource, route.methods)
  }

  /** Answers CORS preflights: a trusted origin gets itself, any other no CORS header. */
  private addPreflight(resource: apigateway.IResource, methods: string[]): void {
    const { TrustedWebOrigin, SecondTrustedWebOrigin = '', CookieNamePrefix = 'th' } = this.props.parameters
    const cors = {
      'Access-Control-Allow-Credentials': 'true',
      'Access-Control-Allow-Methods': methods.join(','),
      'Access-Control-Allow-Headers': `content-type,accept,token-handler-version,x-${CookieNamePrefix}-csrf`,
      'Access-Control-Max-Age': '600',
    }
    const trusted = [TrustedWebOrigin, SecondTrustedWebOrigin].filter(origin => origin !== '').map(origin => `$origin == "${origin}"`).join(' || ')
    const template = [
      '#set($origin = $input.params().header.get("origin"))',
      '#if(!$origin || $origin == "")#set($origin = $input.params().header.get("Origin"))#end',
      `#if(${trusted})`,
      '#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)',
      ...Object.entries(cors).map(([name, value]) => `#set($context.responseOverride.header.${name} = "${value}")`),
      '#end',
    ].join('\n')
    resource.addMethod('OPTIONS', new apigateway.MockIntegration({
      passthroughBehavior: apigateway.PassthroughBehavior.NEVER,
      requestTemplates: { 'application/json': '{"statusCode": 204}' },
      integrationResponses: [{
        statusCode: '204',
        responseParameters: { 'method.response.header.Vary': "'Origin'" },
        responseTemplates: { 'application/json': template },
      }],
    }), {
      authorizationType: apigateway.AuthorizationType.NONE,
      methodResponses: [{
        statusCode: '204',
        responseParameters: Object.fromEntries(['Access-Control-Allow-Origin', 'Vary', ...Object.keys(cors)].map(name => [`method.response.header.${name}`, true])),
      }],
    })
  }
}

/** Statuses of the upstream API that the page gets unchanged. */
const statuses = ['200', '201', '204', '400', '403', '404', '409']
