package main

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

// sound is a stage without faults.
const sound = `{
	"origins": ["https://www.example.com"], "issuer": "https://login.example.com", "clientId": "spa", "redirectUri": "https://www.example.com/",
	"routes": [
		{"path": "/a", "methods": ["GET"], "upstream": "https://a.example/"},
		{"path": "/b", "methods": ["GET"], "upstream": "https://a.example/"},
		{"path": "/c", "methods": ["GET", "POST"], "upstream": "https://a.example/"}]}`

// regional is a stage in two regions.
const regional = `{"account":"123456789012","regions":["eu-north-1","eu-west-1"],"cookieKeySecretName":"k","clientSecretName":"c",` +
	`"domain":{"name":"api.example.com","hostedZoneId":"Z","hostedZoneName":"example.com"}}`

// synthesized returns the error of a stage, sound but for the fields in change.
func synthesized(t *testing.T, changes ...string) error {
	t.Helper()
	fields := map[string]any{}
	for _, text := range append([]string{sound}, changes...) {
		var change map[string]any
		if err := json.Unmarshal([]byte(text), &change); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		maps.Copy(fields, change)
	}
	context := map[string]any{"stage": "t", "stages": map[string]any{"t": fields}}
	s, err := decodeStage(func(key string) any { return context[key] })
	if err != nil {
		return err
	}
	bundling := map[string]any{"aws:cdk:bundling-stacks": []string{}}
	app := awscdk.NewApp(&awscdk.AppProps{Context: &bundling})
	return recovered(func() error { newStacks(app, s); return nil })
}

func TestSoundStages(t *testing.T) {
	for _, change := range []string{`{}`, regional, `{"cors":{"allowMethods":["GET"],"maxAge":"1h"},"kmsKey":"arn:aws:kms:eu-north-1:123456789012:key/1","operation":{"logRetentionDays":2192}}`,
		`{"network":{"vpcId":"vpc-0a1b2c3d","subnetIds":["subnet-0a1b2c3d","subnet-1a1b2c3d"],"securityGroupIds":["sg-0a1b2c3d"]},"apiName":"Shop","binaryMediaTypes":["*/*"],"dualStack":true,"sameOriginReads":true}`} {
		if err := synthesized(t, change); err != nil {
			t.Errorf("%s: %v", change, err)
		}
	}
}

// Every fault names the field as the stage spells it.
func TestFaultsNameFieldsOfTheStage(t *testing.T) {
	const arn = "arn:aws:secretsmanager:eu-north-1:123456789012:secret:c-AbCdEf"
	const function = "arn:aws:lambda:eu-north-1:123456789012:function:orders"
	for _, tt := range []struct{ change, want string }{
		{`{"issuerUrl":"x"}`, `issuerUrl is unknown: it must be one of a`},
		{`{"origins":"https://a.example"}`, `origins must be a list of strings, got "https://a.example"`},
		{`{"origins":[]}`, "origins is empty"},
		{`{"origins":["https://www.example.com","*"]}`, `origins[1] must be an origin such as https://www.example.com`},
		{`{"redirectUri":"https://evil.example/"}`, `redirectUri must be a page on one of origins, got "https://evil.example/"`},
		{`{"postLogoutRedirectUri":"/bye"}`, `postLogoutRedirectUri must be an absolute https URL`},
		{`{"agentPath":"bff/"}`, `agentPath must be a path such as /oauth-agent`},
		{`{"cookiePrefix":"a b"}`, `cookiePrefix must be 1 to 32 letters, digits, '-' or '_'`},
		{`{"csrfHeader":"cookie"}`, `csrfHeader must be the name of a custom request header, such as x-th-csrf, got "cookie"`},
		{`{"cookieFormat":"v2"}`, `cookieFormat must be sealed or curity, got "v2"`},
		{`{"cookieDomain":"com"}`, `cookieDomain must be a domain name`},
		{`{"cookieBasePath":"/x"}`, `cookieBasePath must end in agentPath`},
		{`{"cookieKeySecretName":"prod/key-abc123"}`, `cookieKeySecretName "prod/key-abc123" must not end in a hyphen and six characters`},
		{`{"cookieKeyRotation":"30"}`, `cookieKeyRotation must be a duration such as 30s, 8h or 30d, got "30"`},
		{`{"cookieKeyRotation":"36h"}`, `cookieKeyRotation must be whole days from 1 to 1000, got 36h0m0s`},
		{`{"cookieKeyRotation":"1001d"}`, `cookieKeyRotation must be whole days from 1 to 1000`},
		{`{"cookieKeyRotation":"30d","cookieKeyRotatedElsewhere":true,"cookieKeySecretName":"k"}`, `cookieKeyRotation cannot be combined with cookieKeyRotatedElsewhere`},
		{`{"cookieKeyRotatedElsewhere":true}`, `cookieKeySecretName is required with cookieKeyRotatedElsewhere`},
		{`{"deviceBinding":"on"}`, `deviceBinding must be off, offer or required, got "on"`},
		{`{"deviceBinding":"offer","deviceCookieLifetime":"30s"}`, `deviceCookieLifetime must be whole seconds from 60 to 3600`},
		{`{"deviceBinding":"offer","cookieDomain":"example.com"}`, `deviceBinding cannot be combined with cookieDomain`},
		{`{"deviceBinding":"required","cookieFormat":"curity"}`, `deviceBinding cannot be combined with cookieFormat curity`},
		{`{"exchangeUrl":"http://login.example.com/token"}`, `exchangeUrl must be an absolute https URL`},
		{`{"exchangeClientId":"x"}`, `exchangeClientId requires exchangeUrl`},
		{`{"routes":[{"path":"/a","methods":["GET"],"upstream":"https://a.example/","exchange":{"audience":"a"}}]}`, `routes[0].exchange of /a requires exchangeUrl`},
		{`{"exchangeUrl":"https://login.example.com/token","routes":[{"path":"/a","methods":["GET"],"upstream":"https://a.example/","exchange":{"audience":"a b"}}]}`, `routes[0].exchange of /a: audience must be`},
		{`{"keyRotation":"0d"}`, `cookieKeyRotation must be whole days from 1 to 1000, got 0s`},
		{`{"kmsKey":"alias/x"}`, `kmsKey must be the ARN of a KMS key`},
		{`{"profile":"google"}`, `profile must be oidc, cognito, github or oauth2, got "google"`},
		{`{"profile":"cognito"}`, `postLogoutRedirectUri is required with profile cognito`},
		{`{"profile":"github"}`, `scope must not contain openid with profile github`},
		{`{"issuer":"http://login.example.com"}`, `issuer must be an absolute https URL`},
		{`{"clientId":""}`, `clientId is missing: it must be 1 to 1024 printable ASCII characters`},
		{`{"clientId":7}`, `clientId must be a string, got 7`},
		{`{"clientSecretName":"prod/client-secret"}`, `clientSecretName "prod/client-secret" must not end in a hyphen and six characters`},
		{`{"scope":"profile"}`, `scope must contain openid with profile oidc, got "profile"`},
		{`{"tokenEndpoint":"/token"}`, `tokenEndpoint must be an absolute https URL`},
		{`{"parEndpoint":"http://a.example/"}`, `parEndpoint must be an absolute https URL`},
		{`{"clientAuthentication":"none"}`, `clientAuthentication must be client_secret_basic, client_secret_post, private_key_jwt or tls_client_auth, got "none"`},
		{`{"clientAuthentication":"private_key_jwt"}`, `clientPrivateKeySecretName or clientKmsKey is required`},
		{`{"clientKmsKey":"x"}`, `clientKmsKey must be the ARN of a KMS key`},
		{`{"clientAuthentication":"tls_client_auth"}`, `clientCertificateSecretName is required with clientAuthentication tls_client_auth`},
		{`{"clientSigningAlgorithm":"HS256"}`, `clientSigningAlgorithm must be ES256, `},
		{`{"clientAssertionForTokenEndpoint":"yes"}`, `clientAssertionForTokenEndpoint must be true or false, got "yes"`},
		{`{"responseMode":"fragment"}`, `responseMode must be jwt or query.jwt, got "fragment"`},
		{`{"resources":["orders"]}`, `resources[0] must be an absolute URI`},
		{`{"extraParameters":["prompt","state"]}`, `extraParameters[1] must be a parameter of the authorization request that a page may choose, got "state"`},
		{`{"essentialAcr":true,"extraParameters":["prompt"]}`, `essentialAcr requires acr_values in extraParameters`},
		{`{"sessionLifetime":"soon"}`, `sessionLifetime must be a duration such as`},
		{`{"sessionLifetime":"0s"}`, `sessionLifetime must be a duration of whole seconds such as 30m or 8h, at most 8760h, got 0s`},
		{`{"sessionIdleLifetime":"30m","cookieFormat":"curity"}`, `sessionIdleLifetime cannot be combined with cookieFormat curity`},
		{`{"logout":"none"}`, `logout must be provider or local, got "none"`},
		{`{"tokenMediation":true,"dpop":true}`, `tokenMediation cannot be combined with dpop`},
		{`{"usePhantomToken":"yes"}`, `usePhantomToken must be true or false, got "yes"`},
		{`{"usePhantomToken":true}`, `introspectionUrl is required with usePhantomToken`},
		{`{"introspectionUrl":"https://a.example/"}`, `introspectionUrl requires usePhantomToken`},
		{`{"usePhantomToken":true,"introspectionUrl":"https://a.example/","introspectionMediaType":"text/html"}`, `introspectionMediaType must be application/jwt`},
		{`{"usePhantomToken":true,"introspectionUrl":"https://a.example/","introspectionMaxAge":"6m"}`, `introspectionMaxAge must be whole seconds from 0 to 300, got 6m0s`},
		{`{"usePhantomToken":true,"introspectionUrl":"https://a.example/","introspectionClientSecretName":"a/b"}`, `introspectionClientId is required with introspectionClientSecretName`},
		{`{"verifyTokens":true}`, `jwksEndpoint is required with verifyTokens`},
		{`{"verifyTokens":true,"jwksEndpoint":"https://login.example.com/jwks"}`, `audience is required with verifyTokens`},
		{`{"audience":["a"]}`, `audience requires usePhantomToken or verifyTokens`},
		{`{"allowToken":true,"dpop":true}`, `allowToken cannot be combined with dpop`},
		{`{"authorizerCacheTtl":"2m"}`, `authorizerCacheTtl must be whole seconds from 1 to 60, got 2m0s`},
		{`{"authorizerCacheDialect":"classic"}`, `authorizerCacheDialect requires authorizerCacheTtl`},
		{`{"authorizerCacheTtl":"30s","allowToken":true}`, `authorizerCacheTtl cannot be combined with allowToken`},
		{`{"cors":{"allowMethods":["GET","*"]}}`, `cors.allowMethods[1] must be one of GET, HEAD,`},
		{`{"cors":{"allowHeaders":["*"]}}`, `cors.allowHeaders[0] must be the name of a header, without wildcard, got "*"`},
		{`{"cors":{"exposeHeaders":"x"}}`, `cors.exposeHeaders must be a list of strings, got "x"`},
		{`{"cors":{"maxAge":"25h"}}`, `cors.maxAge must be whole seconds up to 24 hours, got 25h0m0s`},
		{`{"cors":{"origins":["*"]}}`, `cors.origins is unknown: it must be one of allowHeaders, allowMethods, exposeHeaders, maxAge`},
		{`{"stageName":"a b"}`, `stageName must be 1 to 128 letters`},
		{`{"architecture":"arm"}`, `architecture must be arm64 or x86_64, got "arm"`},
		{`{"account":"123456789012"}`, `region is required with account`},
		{`{"account":"1","region":"eu-north-1"}`, `account must be 12 digits, got "1"`},
		{`{"account":"123456789012","region":"Stockholm"}`, `region must be the name of an AWS region, such as eu-north-1, got "Stockholm"`},

		{`{"domain":{"host":"a"}}`, `domain.host is unknown: it must be one of basePath, certificateArn, existing, hostedZoneId, hostedZoneName, latency, name`},
		{`{"domain":"api.example.com"}`, `domain must be an object, got "api.example.com"`},
		{`{"domain":{"name":"API.example.com","certificateArn":"arn:aws:acm:eu-north-1:123456789012:certificate/1"}}`, `domain.name must be a host name such as api.example.com, got "API.example.com"`},
		{`{"domain":{"name":"api.example.com"}}`, `domain.certificateArn or domain.hostedZoneId is required`},
		{`{"domain":{"name":"api.example.com","hostedZoneId":"Z"}}`, `domain.hostedZoneName is required with domain.hostedZoneId`},
		{`{"domain":{"name":"api.example.org","hostedZoneId":"Z","hostedZoneName":"example.com"}}`, `domain.name must be in the zone example.com, got "api.example.org"`},
		{`{"domain":{"name":"api.example.com","certificateArn":"c"}}`, `domain.certificateArn must be the ARN of a certificate, got "c"`},
		{`{"domain":{"name":"api.example.com","existing":"yes"}}`, `domain.existing must be true or false, got "yes"`},
		{`{"domain":{"name":"api.example.com","existing":true,"latency":"x"}}`, `domain.latency `},
		{`{"domain":{"name":"api.example.com","existing":true,"basePath":"/shop"}}`, `domain.basePath must be segments`},
		{`{"domain":{"name":"api.example.com","existing":true},"cookieDomain":"example.org"}`, `cookieDomain must cover domain.name api.example.com`},
		{`{"domain":{"name":"a.example.com","existing":true},"site":{"name":"b.example.com"}}`, `site cannot be combined with domain`},

		{`{"operation":{"alarm":true}}`, `operation.alarm is unknown: it must be one of accessLogs, accountLoggingRole, agentMemory, `},
		{`{"operation":{"authorizerMemory":64}}`, `operation.authorizerMemory must be 128 to 10240 (MB), got 64`},
		{`{"operation":{"agentMemory":"big"}}`, `operation.agentMemory must be a number, got "big"`},
		{`{"operation":{"agentReservedConcurrency":1,"agentProvisionedConcurrency":2}}`, `operation.agentProvisionedConcurrency must be at most operation.agentReservedConcurrency, got 2`},
		{`{"operation":{"rateLimit":20000}}`, `operation.rateLimit must be at most 10000, got 20000`},
		{`{"operation":{"burstLimit":-1}}`, `operation.burstLimit must be at most 5000, got -1`},
		{`{"operation":{"webAcl":"x"}}`, `operation.webAcl must be the ARN of a regional web ACL, got "x"`},
		{`{"operation":{"removalPolicy":"keep"}}`, `operation.removalPolicy must be retain or destroy, got "keep"`},
		{`{"operation":{"metrics":"on"}}`, `operation.metrics must be emf or none, got "on"`},
		{`{"operation":{"metrics":"none","alarms":true}}`, `operation.alarms cannot be combined with operation.metrics none`},
		{`{"operation":{"logRetentionDays":8}}`, `operation.logRetentionDays must be a number of days that CloudWatch Logs knows: 1, 3, 5, 7, 14`},
		{`{"operation":{"alarmTopicArn":"arn:aws:sns:eu-north-1:123456789012:t"}}`, `operation.alarmTopicArn requires operation.alarms`},
		{`{"operation":{"accountLoggingRole":true}}`, `operation.accountLoggingRole requires operation.accessLogs`},
		{`{"operation":{"tags":["a"]}}`, `operation.tags must be an object, got ["a"]`},
		{`{"operation":{"//":true}}`, `operation.// must be a string or a list of strings`},

		{`{"account":"123456789012","regions":["eu-north-1"]}`, `regions must list two or more regions`},
		{`{"regions":["eu-north-1","Ireland"]}`, `regions[1] must be the name of an AWS region`},
		{`{"regions":["eu-north-1","eu-north-1"]}`, `regions[1] must be listed once`},
		{`{"region":"eu-north-1"}` + "\n" + regional, `region cannot be combined with regions`},
		{regional + "\n" + `{"cookieKeyRotatedElsewhere":true}`, `cookieKeyRotatedElsewhere cannot be combined with regions`},
		{regional + "\n" + `{"account":""}`, `account is required with regions`},
		{regional + "\n" + `{"cookieKeySecretName":""}`, `cookieKeySecretName is required with regions`},
		{regional + "\n" + `{"cookieKeySecretName":"` + arn + `"}`, `cookieKeySecretName cannot be combined with regions`},
		{regional + "\n" + `{"clientSecretName":"` + arn + `"}`, `clientSecretName cannot be combined with regions`},
		{regional + "\n" + `{"clientSecretName":""}`, `clientSecretName is required with regions`},
		{regional + "\n" + `{"clientKmsKey":"arn:aws:kms:eu-north-1:123456789012:key/0b2c"}`, `clientKmsKey cannot be combined with regions`},
		{regional + "\n" + `{"domain":{"name":"a.example.com","existing":true}}`, `domain.hostedZoneId is required with regions`},
		{regional + "\n" + `{"domain":{"name":"a.example","hostedZoneId":"Z","hostedZoneName":"z","latency":"x"}}`, `domain.latency cannot be combined with regions`},
		{`{"account":"123456789012","regions":["eu-north-1","eu-west-1"]}`, `domain is required with regions`},
		{regional + "\n" + `{"operation":{"webAcl":"arn:x"}}`, `operation.webAcl cannot be combined with regions`},
		{regional + "\n" + `{"operation":{"alarms":true,"alarmTopicArn":"arn:aws:sns:eu-north-1:123456789012:t"}}`, `operation.alarmTopicArn cannot be combined with regions`},
		{regional + "\n" + `{"clients":{"admin":{"routes":[{"path":"/z"}]}}}`, `clients cannot be combined with regions`},

		{`{"clients":{"a/b":{}}}`, `clients.a/b must have a name of 1 to 32 letters and digits`},
		{`{"clients":{"admin":"x"}}`, `clients.admin must be an object, got "x"`},
		{`{"clients":{"admin":{"region":"eu-north-1"}}}`, `clients.admin.region belongs to the stage, not to a client`},
		{`{"clients":{"admin":{"issuerUrl":"y"}}}`, `clients.admin.issuerUrl is unknown`},
		{`{"clients":{"admin":{"clientId":"y"}}}`, `clients.admin.routes is empty`},
		{`{"clients":{"admin":{"//":3}}}`, `clients.admin.// must be a string`},
		{`{"clients":{"admin":{"routes":[{"path":"/z","methods":["GET"],"upstream":"https://a.example/"}],"origins":["*"],"issuer":"https://login.example.com","clientId":"y","redirectUri":"https://www.example.com/"}}}`, `clients.admin.origins[0] must be an origin`},

		{`{"routes":[{"path":"/a","methods":["GET"]}]}`, `routes[0].upstream or routes[0].function of /a: expected one of them`},
		{`{"routes":[{"path":"/a","methods":["GET"],"upstream":"https://a.example/","privateLink":{"id":"a1"}}]}`, `routes[0].privateLink of /a: expected routes[0].transparent and no routes[0].vpcLinkId`},
		{`{"routes":[{"path":"/a","methods":["GET"],"upstream":"https://a.example/","timeout":"6m"}]}`, `routes[0].timeout of /a is 6m0s: expected whole milliseconds`},
		{`{"routes":[{"path":"/a","methods":["GET"],"upstream":"https://a.example/","stream":true}]}`, `routes[0].stream of /a: expected routes[0].transparent or routes[0].function`},
		{`{"routes":[{"path":"/a","methods":["GET"],"upstream":"https://a.example/","transparent":true,"queryParameters":["q"]}]}`, `routes[0].path /a passes on everything: expected neither routes[0].queryParameters`},
		{`{"routes":[{"path":"/a","methods":["GET"],"upstream":"https://a.example/","requestHeaders":["Cookie"]}]}`, `routes[0].requestHeaders of /a has "Cookie"`},
		{`{"routes":[{"path":"/a","methods":["GET"],"upstream":"https://a.example/","queryParameters":["a%2"]}]}`, `routes[0].queryParameters of /a has "a%2"`},
		{`{"routes":[{"path":"/a","methods":["GET"],"upstream":"https://a.example/","requiredQueryParameters":["q"]}]}`, `routes[0].requiredQueryParameters of /a has "q": expected some of routes[0].queryParameters`},
		{`{"routes":[{"path":"/a","methods":["GET"],"upstream":"https://a.example/","requestSchema":{}}]}`, `routes[0].requestSchema of /a: expected one of POST, PUT, PATCH among routes[0].methods`},
		{`{"routes":[{"path":"/a","methods":["GET"],"upstream":"https://a.example/","scopes":["x"]}]}`, `routes[0].scopes and routes[0].claims of /a require usePhantomToken or verifyTokens`},
		{`{"routes":[{"path":"/a","methods":["GET"],"upstream":"http://a.example/%20?x"}]}`, `routes[0].upstream of /a is "http://a.example/%20?x"`},
		{`{"routes":[{"path":"/a","methods":["GET"],"upstream":"https://a.example/","statuses":[99]}]}`, `routes[0].statuses[0] must be a status from 200 to 599, each once (route /a), got 99`},
		{`{"routes":[{"path":"/a","methods":["GET"],"upstream":"https://a.example/","privateLink":"a1"}]}`, `routes[0].privateLink must be an object, got "a1"`},
		{regional + "\n" + `{"routes":[{"path":"/a","methods":["GET"],"upstream":"http://a.example/","transparent":true,"privateLink":{"id":"a1","loadBalancer":"b"}}]}`, `routes[0].privateLink cannot be combined with regions`},
		{`{"site":{"name":"www.example.com"}}`, `site.certificateArn is missing: it must be a certificate for site.name in us-east-1`},
		{`{"site":{"name":"other.example.com","certificateArn":"arn:aws:acm:us-east-1:123456789012:certificate/1"}}`, `site.name must be the host of one of origins, got "other.example.com"`},
		{`{"site":{"name":"www.example.com","certificateArn":"arn:aws:acm:us-east-1:123456789012:certificate/1","apiPaths":["/*"]}}`, `site.apiPaths[0] must be a path such as /api/*, got "/*"`},
		{`{"site":{"name":"www.example.com","certificateArn":"arn:aws:acm:us-east-1:123456789012:certificate/1","webAcl":"arn:aws:wafv2:us-east-1:123456789012:global/webacl/a/b"}}`, `site.webAcl requires operation.webAcl: the API also answers at its execute-api host`},
		{`{"network":{"vpcId":"vpc-1"}}`, `network.vpcId must be the id of a VPC, such as vpc-0a1b2c3d, got "vpc-1"`},
		{`{"network":{"vpcId":"vpc-0a1b2c3d"}}`, `network.subnetIds is required with network.vpcId`},
		{`{"network":{"subnetIds":["subnet-0a1b2c3d","x"]}}`, `network.subnetIds must be a list of ids of subnets`},
		{`{"network":{"subnetIds":"subnet-0a1b2c3d"}}`, `network.subnetIds must be a list of ids of subnets`},
		{`{"network":{"securityGroupIds":["sg-0a1b2c3d"]}}`, `network.securityGroupIds requires network.vpcId`},
		{`{"network":{"caBundle":"ca.pem"}}`, `network.caBundle must be 1 to 10 certificates in PEM form`},
		{regional + "\n" + `{"network":{"vpcId":"vpc-0a1b2c3d","subnetIds":["subnet-0a1b2c3d"]}}`, `network.vpcId cannot be combined with regions`},
		{`{"binaryMediaTypes":["png"]}`, `binaryMediaTypes[0] must be a media type`},
		{`{"domain":{"name":"api.example.com","hostedZoneId":"Z","hostedZoneName":"example.com","tlsPolicy":"TLS_1_0"}}`, `domain.tlsPolicy must be one of TLS13_1_2_PFS_PQ_2025_09`},
		{`{"postLogoutRedirectUri":"https://www.example.com/` + strings.Repeat("c", 3900) + `"}`, `postLogoutRedirectUri takes 39`},
		{`{"routes":[]}`, "routes is empty: it must have at least one route"},
		{`{"routes":["/a"]}`, `routes[0] must be an object, got "/a"`},
		{`{"routes":[{"paths":"/a"}]}`, `routes[0].paths is unknown: it must be one of claims, exchange, function, methodScopes, methods, path, p`},
		{`{"routes":[{"path":"/a","scopes":"x"}]}`, `routes[0].scopes must be a list of strings, got "x"`},
		{`{"routes":[{"path":"/a","methods":["GET"],"function":"orders"}]}`, `routes[0].function must be the ARN of a Lambda`},
		{`{"routes":[{"path":"/a","methods":["GET"],"upstream":"https://a.example/","vpcLinkId":"arn:x"}]}`, `routes[0].vpcLinkId must be the id of a VPC link`},
		{`{"routes":[{"path":"/a","methods":["GET"],"vpcLinkId":"a1"}]}`, `routes[0].vpcLinkId requires routes[0].upstream`},
		{`{"account":"123456789012","region":"eu-west-1","routes":[{"path":"/a","methods":["GET"],"function":"` + function + `"}]}`, `routes[0].function must be in region eu-west-1 and account 123456789012`},
		{regional + "\n" + `{"routes":[{"path":"/a","methods":["GET"],"function":"` + function + `"}]}`, `routes[0].function cannot be combined with regions`},
	} {
		err := synthesized(t, strings.Split(tt.change, "\n")...)
		if err == nil || !strings.HasPrefix(strings.TrimPrefix(err.Error(), "stage t: "), tt.want) {
			t.Errorf("%s: got %v\nwant it to begin with %q", tt.change, err, tt.want)
		}
	}
}
