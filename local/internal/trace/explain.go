package trace

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
)

// Explain says in plain words why a request was refused.
type Explain struct {
	Title   string `json:"title"`
	Reason  string `json:"reason,omitempty"` // of this request
	Meaning string `json:"meaning"`
	Next    string `json:"next,omitempty"`
	Link    string `json:"link"`
}

const (
	docs    = "https://github.com/tokenhandler/aws/blob/main/docs/"
	awsDocs = "https://docs.aws.amazon.com/apigateway/latest/developerguide/"
)

// links lead to more than the table of codes.
var links = map[string]string{
	contract.CodeTokenExpired:      docs + "sessions.md",
	contract.CodeSessionExpired:    docs + "sessions.md",
	contract.CodeLoginRequired:     docs + "providers.md",
	contract.CodeInsufficientScope: docs + "access-tokens.md",
	contract.CodeAccessDenied:      docs + "access-tokens.md",
	contract.CodeProviderError:     docs + "providers.md",
	contract.CodeSessionTooLarge:   docs + "cookies.md",
}

// KnownCode reports whether a code is one of the token handler's, or of the
// standards that it passes on: such a code can be shown.
func KnownCode(code string) bool {
	_, ours := contract.Find(code)
	return ours || slices.Contains(contract.AuthorizationErrors, code)
}

// ExplainCode explains a code of the token handler. It returns nil for an
// unknown code.
func ExplainCode(code string) *Explain {
	if !KnownCode(code) {
		return nil
	}
	e := &Explain{Title: code, Link: docs + "contract.md#refusals"}
	if link := links[code]; link != "" {
		e.Link = link
	}
	refusal, ours := contract.Find(code)
	if !ours {
		e.Meaning, e.Link = "The OpenID Provider answered with this error of its authorization endpoint.", "https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1"
		return e
	}
	e.Meaning, e.Next = refusal.Meaning, sentence(string(refusal.Next))
	return e
}

func sentence(s string) string {
	if s == "" {
		return ""
	}
	return "Next step of the page: " + strings.TrimSuffix(s, ".") + "."
}

// gatewayTypes explains the gateway responses that are not a refusal of the
// authorizer.
var gatewayTypes = map[string]string{
	"MISSING_AUTHENTICATION_TOKEN":   "The API has no method for this path and verb. Despite its name, the response has nothing to do with tokens.",
	"UNAUTHORIZED":                   "An identity source of the authorizer is missing: with result caching, API Gateway refuses before it calls the authorizer.",
	"ACCESS_DENIED":                  "The authorizer's policy denies this method.",
	"AUTHORIZER_CONFIGURATION_ERROR": "The authorizer failed, or API Gateway does not accept its output. Run with -v to see its log.",
	"AUTHORIZER_FAILURE":             "The authorizer could not be called.",
	"BAD_REQUEST_PARAMETERS":         "A parameter that the method requires is missing.",
	"BAD_REQUEST_BODY":               "The body does not match the method's model.",
	"INTEGRATION_FAILURE":            "The upstream API could not be reached, broke the connection, or sent over 10 MB.",
	"INTEGRATION_TIMEOUT":            "The upstream API did not answer within the integration's timeout.",
	"REQUEST_TOO_LARGE":              "The request is over a quota: 10 MB for a body, 6 MB for the event of a Lambda.",
	"UNSUPPORTED_MEDIA_TYPE":         "The integration has no mapping template for this Content-Type.",
	"API_CONFIGURATION_ERROR":        "The API's configuration has a mistake: a mapping template failed, or no integration response matches.",
}

// ExplainGateway explains a response that the gateway itself made.
func ExplainGateway(kind string, status int, cause string) *Explain {
	e := &Explain{Title: kind, Meaning: gatewayTypes[kind], Link: awsDocs + "supported-gateway-response-types.html"}
	switch {
	case e.Meaning != "":
	case status == 414 || status == 431 || status == 413:
		e.Title, e.Meaning, e.Link = "Over a quota", "API Gateway refuses this request before it looks at the API.", awsDocs+"api-gateway-execution-service-limits-table.html"
	case status == 502:
		e.Title, e.Meaning, e.Link = "Bad gateway", "The function failed, or its output is not a proxy response.", awsDocs+"set-up-lambda-proxy-integrations.html"
	default:
		e.Title, e.Meaning = "Refused by the gateway", "API Gateway refuses this request."
	}
	if cause != "" {
		e.Reason = strings.ToUpper(cause[:1]) + cause[1:] + "."
	}
	return e
}

// ExplainAnswer explains an error response that an integration made.
func ExplainAnswer(status int) *Explain {
	return &Explain{Title: fmt.Sprintf("Status %d", status), Meaning: "The request passed the gateway. The upstream API or the Lambda answered with this status.",
		Link: docs + "contract.md#refusals"}
}

// explainCORS explains a response that the page may not read.
func explainCORS(note string) *Explain {
	return &Explain{Title: "Blocked by CORS", Reason: note, Meaning: "The browser keeps the response from the page, which sees a network error.",
		Link: docs + "construct.md"}
}
