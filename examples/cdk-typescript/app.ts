import { App, Stack } from 'aws-cdk-lib'
import { RestApi } from 'aws-cdk-lib/aws-apigateway'
import { TokenHandler } from './token-handler'

const app = new App()
const stack = new Stack(app, 'Orders')
const api = new RestApi(stack, 'Api', { cloudWatchRole: false })
const handler = new TokenHandler(stack, 'TokenHandler', {
  api,
  template: process.env.TOKEN_HANDLER_TEMPLATE ?? '../../dist/token-handler.template.json',
  parameters: {
    CodeBucket: 'releases-of-my-team', // aws s3 sync dist s3://releases-of-my-team/token-handler/0.1.0/
    CodePrefix: 'token-handler/0.1.0/',
    TrustedWebOrigin: 'https://www.example.com',
    RedirectUri: 'https://www.example.com/',
    Issuer: 'https://login.example.com',
    ClientId: 'spa-client',
    ClientCredentialName: 'prod/spa-client', // in Secrets Manager
    Scope: 'openid profile offline_access',
  },
})
handler.protect({ path: '/orders', methods: ['GET', 'POST'], upstream: 'https://orders.internal.example.com/orders', query: ['page'] })
handler.protect({ path: '/orders/{id}', methods: ['GET', 'PUT', 'DELETE'], upstream: 'https://orders.internal.example.com/orders/{id}' })
