package tokenhandler

import (
	"fmt"
	"slices"
	"strings"
)

const (
	tokenSource   = "context.authorizer.token"
	authorization = "integration.request.header.Authorization"
	cookie        = "integration.request.header.Cookie"
)

// fault is the rule for one method: what is wrong and the mend, or "".
func (m method) fault() string {
	switch {
	case m.agent:
		return ""
	case m.httpMethod == "OPTIONS" && m.integration == "MOCK" && m.authorization == "NONE":
		return "" // a preflight: nothing behind it
	case m.httpMethod == "OPTIONS" && m.authorization == "NONE":
		return fmt.Sprintf("has no authorizer and integration %s: a preflight must be MOCK; use AddPreflight of the token handler", m.integration)
	case m.authorization == "NONE":
		mend := "has no authorizer: add it with Protect of the token handler, or give it the token handler's Authorizer"
		if strings.Contains(m.path, "{proxy+}") || strings.HasSuffix(m.path, "+}") {
			mend += "; a greedy path also serves the methods its siblings lack"
		}
		return mend
	case m.authorization != "CUSTOM":
		return fmt.Sprintf("has authorization type %s: expected CUSTOM with the token handler's Authorizer", m.authorization)
	case !m.ours:
		return "has another authorizer: expected the token handler's Authorizer"
	}
	return m.mappingFault()
}

// mappingFault looks at what goes upstream.
func (m method) mappingFault() string {
	switch m.integration {
	case "HTTP", "HTTP_PROXY":
	case "unreadable":
		return "has an integration whose type cannot be read: expected a literal one"
	default:
		return "" // nothing but the Lambda's own event goes there
	}
	targets := make([]string, 0, len(m.parameters))
	for target := range m.parameters {
		targets = append(targets, target)
	}
	slices.Sort(targets) // for a message that does not change
	for _, target := range targets {
		source := m.parameters[target]
		switch {
		case strings.EqualFold(target, authorization) && (target != authorization || source != tokenSource):
			return fmt.Sprintf("maps %s from %s: expected %s from %s and no other", target, source, authorization, tokenSource)
		case isSession(source):
			return fmt.Sprintf("maps %s from %s: cookies and the client's Authorization must not go upstream", target, source)
		}
	}
	if m.parameters[authorization] != tokenSource {
		return fmt.Sprintf("does not give its integration the token: map %s from %s", authorization, tokenSource)
	}
	// HTTP_PROXY passes on what is not mapped over.
	if m.integration == "HTTP_PROXY" && !strings.HasPrefix(m.parameters[cookie], "'") {
		return fmt.Sprintf("passes the session cookies upstream: map %s from a constant such as 'none', or use an HTTP integration without proxy", cookie)
	}
	return ""
}

// isSession reports whether a mapping reads what must stay at the gateway.
func isSession(source string) bool {
	for _, position := range []string{"header", "multivalueheader"} {
		for _, name := range []string{"cookie", "authorization"} {
			if strings.EqualFold(source, "method.request."+position+"."+name) {
				return true
			}
		}
	}
	return false
}
