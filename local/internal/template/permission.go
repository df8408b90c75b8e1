package template

import (
	"fmt"
	"regexp"
	"strings"
)

type permission struct {
	function  string // name or ARN
	sourceARN string // empty: any
}

// checkPermissions makes sure that API Gateway may invoke each function it uses. Without a resource-based permission
// AWS answers 500 at run time; here it is an error at start, naming the function.
func (l *loader) checkPermissions(api *API, sockets []*WebSocketAPI) {
	var perms []permission
	for _, id := range l.ofType("AWS::Lambda::Permission") {
		p := l.read(l.Resources[id])
		if p.str("Principal") != "apigateway.amazonaws.com" {
			continue
		}
		if a := p.str("Action"); a != "lambda:InvokeFunction" && a != "lambda:*" {
			continue
		}
		if acct := p.str("SourceAccount"); acct != "" && acct != l.opts.AccountID {
			continue
		}
		perms = append(perms, permission{p.str("FunctionName"), p.str("SourceArn")})
	}
	checked := map[string]bool{}
	check := func(function, source, what string) {
		if function == "" || checked[function+source] {
			return
		}
		checked[function+source] = true
		name, _ := l.ref(function, 0)
		arn, _ := l.getAtt(function, "Arn", 0)
		for _, p := range perms {
			if (p.function == name || p.function == arn) && (p.sourceARN == "" || MatchARN(p.sourceARN, source)) {
				return
			}
		}
		l.fail("%s: no AWS::Lambda::Permission lets API Gateway invoke it as %s (source ARN %s)", l.Resources[function], what, source)
	}
	if api != nil {
		prefix := fmt.Sprintf("arn:%s:execute-api:%s:%s:%s", api.Partition, api.Region, api.AccountID, api.ID)
		for _, m := range api.Methods {
			if a := m.Authorizer; a != nil {
				check(a.FunctionID, prefix+"/authorizers/"+a.ID, "authorizer "+a.Name)
			}
			method, path := m.HTTPMethod, pathParameter.ReplaceAllString(m.Path, "*")
			if method == "ANY" {
				method = "*"
			}
			check(m.Integration.FunctionID, prefix+"/"+api.Stage+"/"+method+path, "integration of "+m.HTTPMethod+" "+m.Path)
		}
	}
	for _, socket := range sockets {
		prefix := fmt.Sprintf("arn:%s:execute-api:%s:%s:%s", socket.Partition, socket.Region, socket.AccountID, socket.ID)
		for _, r := range socket.Routes {
			if a := r.Authorizer; a != nil {
				check(a.FunctionID, prefix+"/authorizers/"+a.ID, "authorizer "+a.Name)
			}
			check(r.FunctionID, prefix+"/"+socket.Stage+"/"+r.Key, "integration of "+r.Key)
		}
	}
}

var pathParameter = regexp.MustCompile(`\{[^}]*\}`)

// MatchARN reports whether a pattern with the wildcards * (any text, slashes included) and ? (one character) matches.
func MatchARN(pattern, s string) bool {
	// Greedy with one backtrack point: linear in practice, quadratic at worst, never exponential.
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
