package contract

// Endpoint is an endpoint of the OAuth agent. Path is below the agent's base
// path and has no leading slash.
type Endpoint struct{ Method, Path string }

// Paths of the agent's endpoints.
const (
	EndpointLoginStart        = "login/start"
	EndpointLoginEnd          = "login/end"
	EndpointSession           = "session"
	EndpointUserInfo          = "userInfo"
	EndpointClaims            = "claims"
	EndpointRefresh           = "refresh"
	EndpointBackChannelLogout = "backchannel-logout"
	EndpointLogout            = "logout"
	EndpointToken             = "token"

	EndpointDeviceRegister = "device/register"
	EndpointDeviceRefresh  = "device/refresh"
)

// Endpoints are the agent's endpoints except [Mediation].
var Endpoints = []Endpoint{
	{"POST", EndpointLoginStart},
	{"POST", EndpointLoginEnd},
	{"GET", EndpointSession},
	{"GET", EndpointUserInfo},
	{"GET", EndpointClaims},
	{"POST", EndpointRefresh},
	{"POST", EndpointLogout},
}

// BackChannel is the endpoint that the provider calls to end sessions. It exists
// only where sessions are recorded.
var BackChannel = Endpoint{"POST", EndpointBackChannelLogout}

// Device are the endpoints that a browser itself calls, for sessions that are
// bound to the device. They exist only where device binding is on, and have no
// CORS headers.
var Device = []Endpoint{
	{"POST", EndpointDeviceRegister},
	{"POST", EndpointDeviceRefresh},
}

// Mediation is the endpoint that gives the access token to the page. It exists
// only where token mediation is on.
var Mediation = Endpoint{"POST", EndpointToken}
