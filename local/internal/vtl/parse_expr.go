package vtl

import (
	"slices"
	"strconv"
	"strings"
)

func (p *parser) space() {
	for c := p.peek(0); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = p.peek(0) {
		p.pos++
	}
}

// expect reads a token with blanks around it.
func (p *parser) expect(token string) error {
	p.space()
	if !strings.HasPrefix(p.rest(), token) {
		return p.errorf(p.pos, "expected %q", token)
	}
	p.pos += len(token)
	p.space()
	return nil
}

// reference reads $x, $!x, ${x} or $!{x} with its parts.
func (p *parser) reference(depth int) (*ref, error) {
	if depth > maxDepth {
		return nil, p.errorf(p.pos, "nested deeper than %d", maxDepth)
	}
	start := p.pos
	p.pos++
	r := &ref{}
	if p.peek(0) == '!' {
		r.silent = true
		p.pos++
	}
	braced := p.peek(0) == '{'
	if braced {
		p.pos++
	}
	if r.name = p.identifier(); r.name == "" { // ${}, $!x and the like: the engine has rules of its own for them
		return nil, p.errorf(start, "expected a name after $")
	}
	for {
		pt, ok, err := p.part(depth + 1)
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		r.parts = append(r.parts, pt)
	}
	if braced {
		if p.peek(0) != '}' {
			return nil, p.errorf(start, "${%s is not closed, or uses a form that is not implemented", r.name)
		}
		p.pos++
	}
	r.raw, r.braced = p.src[start:p.pos], braced
	return r, p.checkParts(start, r)
}

func (p *parser) part(depth int) (pt part, ok bool, err error) {
	switch c := p.peek(0); {
	case c == '.' && letter(p.peek(1)):
		p.pos++
		pt.name = p.identifier()
		if p.peek(0) != '(' {
			return pt, true, nil
		}
		p.pos++
		pt.call = true
		pt.args, err = p.list(depth, ')')
		return pt, true, err
	case c == '[':
		at := p.pos
		p.pos++
		args, err := p.list(depth, ']')
		if err != nil {
			return pt, false, err
		}
		if len(args) != 1 {
			return pt, false, p.errorf(at, "an index wants one value")
		}
		switch pt.index = args[0]; i := pt.index.(type) {
		case *ref, interpolated:
			return pt, true, nil
		case literal:
			if _, isFloat := i.value.(float64); !isFloat {
				return pt, true, nil
			}
		}
		return pt, false, p.errorf(at, "an index is a string, an integer or a reference")
	}
	return pt, false, nil
}

// checkParts refuses methods and properties that are not implemented.
func (p *parser) checkParts(at int, r *ref) error {
	if r.name == "foreach" && (len(r.parts) == 0 || r.parts[0].call || !slices.Contains([]string{"index", "count", "hasNext", "first", "last"}, r.parts[0].name)) {
		return p.errorf(at, "%s: only .index, .count, .hasNext, .first and .last of $foreach are implemented", r.raw)
	}
	for i, pt := range r.parts {
		if !pt.call && pt.name == "class" {
			return p.errorf(at, "%s: property class is not implemented", r.raw)
		}
		methods := valueMethods
		if i == 0 {
			switch r.name {
			case "input":
				if !pt.call && pt.name == "body" {
					continue
				}
				methods = inputMethods
			case "util":
				methods = utilMethods
			}
		}
		if (i == 0 && (r.name == "input" || r.name == "util")) && !pt.call {
			return p.errorf(at, "%s: $%s has no such property", r.raw, r.name)
		}
		if pt.call && !arityOK(methods, pt.name, len(pt.args)) {
			return p.errorf(at, "%s: method %s with %d argument(s) is not implemented", r.raw, pt.name, len(pt.args))
		}
		if r.name == "input" && i == 0 && (pt.name == "json" || pt.name == "path") {
			if l, ok := pt.args[0].(literal); ok {
				path, _ := l.value.(string)
				if _, err := parsePath(path); err != nil {
					return p.errorf(at, "%s: %v", r.raw, err)
				}
			}
		}
	}
	if len(r.parts) == 0 && (r.name == "input" || r.name == "util") {
		return p.errorf(at, "$%s alone is not implemented", r.name)
	}
	return nil
}

// list reads comma-separated expressions up to the closing character, which it consumes.
func (p *parser) list(depth int, closing byte) ([]expr, error) {
	var out []expr
	p.space()
	if p.peek(0) == closing {
		p.pos++
		return out, nil
	}
	for {
		e, err := p.parameter(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
		p.space()
		switch p.peek(0) {
		case ',':
			p.pos++
		case closing:
			p.pos++
			return out, nil
		default:
			return nil, p.errorf(p.pos, "expected ',' or %q", closing)
		}
	}
}

// operators by precedence, loosest first; words map to their symbols.
var operators = [][][2]string{
	{{"||", "||"}, {"or", "||"}},
	{{"&&", "&&"}, {"and", "&&"}},
	{{"==", "=="}, {"!=", "!="}, {"eq", "=="}, {"ne", "!="}},
	{{"<=", "<="}, {">=", ">="}, {"<", "<"}, {">", ">"}, {"le", "<="}, {"ge", ">="}, {"lt", "<"}, {"gt", ">"}},
}

func (p *parser) expression(depth int) (expr, error) { return p.binary(depth, 0) }

func (p *parser) binary(depth, level int) (expr, error) {
	if level == len(operators) {
		return p.unary(depth)
	}
	l, err := p.binary(depth, level+1)
	if err != nil {
		return nil, err
	}
	for n := 0; ; n++ {
		p.space()
		op := p.operator(level)
		if op == "" {
			if c := p.peek(0); level == 0 && strings.IndexByte("+-*/%", c) >= 0 && c != 0 {
				return nil, p.errorf(p.pos, "operator %q is not implemented", c)
			}
			return l, nil
		}
		if n > 1000 {
			return nil, p.errorf(p.pos, "expression has more than 1000 operators")
		}
		r, err := p.binary(depth, level+1)
		if err != nil {
			return nil, err
		}
		l = binary{op, l, r}
	}
}

func (p *parser) operator(level int) string {
	for _, op := range operators[level] {
		if !strings.HasPrefix(p.rest(), op[0]) {
			continue
		}
		if next := p.peek(len(op[0])); letter(op[0][0]) && (letter(next) || digit(next) || next == '-') {
			continue
		}
		p.pos += len(op[0])
		return op[1]
	}
	return ""
}

// parameter reads an argument, an element of a list or the value of a #foreach: an expression without operators.
func (p *parser) parameter(depth int) (expr, error) {
	p.space()
	at := p.pos
	e, err := p.unary(depth)
	if _, negated := e.(notExpr); err == nil && (negated || p.src[at] == '(') {
		return nil, p.errorf(at, "an operator is not allowed here")
	}
	return e, err
}

func (p *parser) unary(depth int) (expr, error) {
	if depth > maxDepth {
		return nil, p.errorf(p.pos, "nested deeper than %d", maxDepth)
	}
	p.space()
	at := p.pos
	switch c := p.peek(0); {
	case c == '!' && p.peek(1) != '=':
		p.pos++
		x, err := p.unary(depth + 1)
		return notExpr{x}, err
	case c == '(':
		p.pos++
		x, err := p.expression(depth + 1)
		if err != nil {
			return nil, err
		}
		p.space()
		if p.peek(0) != ')' {
			return nil, p.errorf(p.pos, "expected ')'")
		}
		p.pos++
		return x, nil
	case c == '$':
		return p.reference(depth + 1)
	case c == '\'' || c == '"':
		return p.quoted(depth)
	case c == '[':
		p.pos++
		l, err := p.list(depth, ']')
		return listExpr(l), err
	case c == '{':
		return p.mapLiteral(depth)
	case digit(c) || c == '-' && digit(p.peek(1)):
		return p.number()
	case letter(c):
		switch word := p.identifier(); word {
		case "true", "false":
			return literal{word == "true"}, nil
		case "not":
			x, err := p.unary(depth + 1)
			return notExpr{x}, err
		default:
			return nil, p.errorf(at, "%q is not implemented here", word)
		}
	}
	return nil, p.errorf(at, "expected a value")
}

func (p *parser) quoted(depth int) (expr, error) {
	start, quote := p.pos, p.peek(0)
	end := strings.IndexByte(p.src[start+1:], quote)
	if end < 0 {
		return nil, p.errorf(start, "string is not closed")
	}
	p.pos = start + 1 + end + 1
	if p.peek(0) == quote {
		return nil, p.errorf(p.pos, "a doubled quote in a string is not implemented")
	}
	text := p.src[start+1 : p.pos-1]
	if strings.ContainsRune(text, '\\') {
		return nil, p.errorf(start, "a backslash in a string is not implemented")
	}
	if quote == '\'' || !strings.ContainsAny(text, "$#") {
		return literal{text}, nil
	}
	// Same source, cut at the closing quote, so that positions stay right.
	in := &parser{src: p.src[:p.pos-1], pos: start + 1, inString: true}
	nodes, _, err := in.block(depth + 1)
	return interpolated(nodes), err
}

func (p *parser) number() (expr, error) {
	start := p.pos
	p.pos++
	for c := p.peek(0); digit(c) || c == '.' && digit(p.peek(1)); c = p.peek(0) {
		p.pos++
	}
	text := p.src[start:p.pos]
	if strings.HasPrefix(p.rest(), "..") {
		return nil, p.errorf(start, "a range is not implemented")
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return literal{n}, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !strings.Contains(text, ".") {
		return nil, p.errorf(start, "%q is not a number that is implemented", text)
	}
	if letter(p.peek(0)) || p.peek(0) == '.' {
		return nil, p.errorf(start, "this form of a number is not implemented")
	}
	return literal{f}, nil
}

func (p *parser) mapLiteral(depth int) (expr, error) {
	p.pos++
	var m mapExpr
	p.space()
	if p.peek(0) == '}' {
		p.pos++
		return m, nil
	}
	for {
		p.space()
		if c := p.peek(0); c != '"' && c != '\'' {
			return nil, p.errorf(p.pos, "a map key that is not a string is not implemented")
		}
		k, err := p.quoted(depth)
		if err != nil {
			return nil, err
		}
		if err := p.expect(":"); err != nil {
			return nil, err
		}
		v, err := p.parameter(depth + 1)
		if err != nil {
			return nil, err
		}
		m = append(m, [2]expr{k, v})
		p.space()
		switch p.peek(0) {
		case ',':
			p.pos++
		case '}':
			p.pos++
			return m, nil
		default:
			return nil, p.errorf(p.pos, "expected ',' or '}'")
		}
	}
}
