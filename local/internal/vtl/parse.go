package vtl

import (
	"fmt"
	"strings"
)

// Parse reads a template. The error is a [*SyntaxError].
func Parse(src string) (*Template, error) {
	p := &parser{src: src}
	if len(src) > MaxSource {
		return nil, p.errorf(0, "template has %d bytes, at most %d are allowed", len(src), MaxSource)
	}
	nodes, stop, err := p.block(0)
	if err == nil && stop != "" {
		err = p.errorf(p.at, "#%s without #if or #foreach", stop)
	}
	if err != nil {
		return nil, err
	}
	return &Template{nodes}, nil
}

type parser struct {
	src string
	pos int
	at  int // where the directive that ended the last block began
	// inString is set while the inside of a double-quoted string is parsed: references only.
	inString bool
}

func (p *parser) errorf(pos int, format string, args ...any) error {
	before := p.src[:min(pos, len(p.src))]
	line := strings.Count(before, "\n")
	return &SyntaxError{Line: line + 1, Column: len(before) - (strings.LastIndexByte(before, '\n') + 1) + 1,
		Message: fmt.Sprintf(format, args...)}
}

func (p *parser) rest() string { return p.src[p.pos:] }

func (p *parser) peek(offset int) byte {
	if i := p.pos + offset; i < len(p.src) {
		return p.src[i]
	}
	return 0
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }

func digit(c byte) bool { return c >= '0' && c <= '9' }

// identifier reads a Velocity identifier, in which a hyphen is an ordinary character: that is how
// $context.responseOverride.header.Access-Control-Allow-Origin is one reference.
func (p *parser) identifier() string {
	start := p.pos
	if letter(p.peek(0)) {
		for c := p.peek(0); letter(c) || digit(c) || c == '-'; c = p.peek(0) {
			p.pos++
		}
	}
	return p.src[start:p.pos]
}

// block reads nodes up to the end of the source or to a directive that ends or divides a block, whose name it returns.
func (p *parser) block(depth int) (nodes []node, stop string, err error) {
	if depth > maxDepth {
		return nil, "", p.errorf(p.pos, "nested deeper than %d", maxDepth)
	}
	start := p.pos
	flush := func() {
		if start < p.pos {
			nodes = append(nodes, textNode(p.src[start:p.pos]))
		}
	}
	for p.pos < len(p.src) {
		switch c, next := p.peek(0), p.peek(1); {
		case c == '\\' && (next == '$' || next == '#' || next == '\\'):
			return nil, "", p.errorf(p.pos, "an escape with a backslash is not implemented")
		case c == '$' && (letter(next) || next == '{' || next == '!'):
			if next == '!' && !letter(p.peek(2)) && p.peek(2) != '{' {
				p.pos += 2
				continue
			}
			flush()
			r, err := p.reference(depth)
			if err != nil {
				return nil, "", err
			}
			nodes = append(nodes, refNode{r})
			start = p.pos
		case c == '#' && (letter(next) || next == '{' || next == '#' || next == '*' || next == '[' || next == '@'):
			if p.inString {
				return nil, "", p.errorf(p.pos, "a directive or comment inside a string is not implemented")
			}
			flush()
			n, stop, err := p.directive(depth)
			if err != nil || stop != "" {
				return nodes, stop, err
			}
			if n != nil {
				nodes = append(nodes, n)
			}
			start = p.pos
		default:
			p.pos++
		}
	}
	flush()
	return nodes, "", nil
}

// directive reads a comment or a directive. The word of #elseif, #else and #end is returned as stop.
func (p *parser) directive(depth int) (n node, stop string, err error) {
	start := p.pos
	switch p.peek(1) {
	case '#':
		if i := strings.IndexByte(p.rest(), '\n'); i >= 0 {
			p.pos += i + 1
		} else {
			p.pos = len(p.src)
		}
		return nil, "", nil
	case '*':
		i := strings.Index(p.rest()[2:], "*#")
		if i < 0 {
			return nil, "", p.errorf(start, "comment #* has no *#")
		}
		p.pos += i + 4
		return nil, "", nil
	}
	p.pos++
	braced := p.peek(0) == '{'
	if braced {
		p.pos++
	}
	word := p.identifier()
	if braced {
		if p.peek(0) != '}' || word == "" {
			return nil, "", p.errorf(start, "#{ is not a directive")
		}
		p.pos++
	}
	switch word {
	case "set":
		n, err = p.set(depth)
	case "if":
		n, err = p.ifElse(start, depth)
	case "foreach":
		n, err = p.foreach(start, depth)
	case "else", "end":
		p.endOfLine()
		p.at = start
		return nil, word, nil
	case "elseif":
		p.at = start
		return nil, word, nil
	default:
		err = p.errorf(start, "directive #%s is not implemented", word)
	}
	return n, "", err
}

// endOfLine swallows the blank rest of a line after a directive, as Velocity does.
func (p *parser) endOfLine() {
	i := p.pos
	for i < len(p.src) && (p.src[i] == ' ' || p.src[i] == '\t' || p.src[i] == '\r') {
		i++
	}
	if i < len(p.src) && p.src[i] == '\n' {
		p.pos = i + 1
	}
}

func (p *parser) set(depth int) (node, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	at := p.pos
	if p.peek(0) != '$' {
		return nil, p.errorf(at, "#set wants a reference")
	}
	target, err := p.reference(depth)
	if err != nil {
		return nil, err
	}
	if err := p.checkTarget(at, target); err != nil {
		return nil, err
	}
	if err := p.expect("="); err != nil {
		return nil, err
	}
	value, err := p.expression(depth + 1)
	if err != nil {
		return nil, err
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	p.endOfLine()
	return setNode{target, value}, nil
}

// checkTarget refuses assignments that API Gateway does not know.
func (p *parser) checkTarget(at int, r *ref) error {
	for _, part := range r.parts {
		if part.call {
			return p.errorf(at, "#set cannot assign to a method call")
		}
	}
	switch r.name {
	case "input", "util", "stageVariables", "foreach":
		return p.errorf(at, "#set cannot assign to $%s", r.name)
	case "context":
		var names []string
		for _, part := range r.parts {
			names = append(names, part.name)
		}
		switch n := len(names); {
		case n == 3 && names[0] == "requestOverride" && (names[1] == "header" || names[1] == "querystring" || names[1] == "path"),
			n == 3 && names[0] == "responseOverride" && names[1] == "header",
			n == 2 && names[0] == "responseOverride" && names[1] == "status":
			return nil
		}
		return p.errorf(at, "#set cannot assign to %s: only $context.requestOverride.{header,querystring,path}.<name>, "+
			"$context.responseOverride.header.<name> and $context.responseOverride.status can be set", r.raw)
	}
	return nil
}

func (p *parser) ifElse(start, depth int) (node, error) {
	var n ifNode
	for word := "if"; ; {
		b := branch{}
		if word != "else" {
			if err := p.expect("("); err != nil {
				return nil, err
			}
			var err error
			if b.cond, err = p.expression(depth + 1); err != nil {
				return nil, err
			}
			if err := p.expect(")"); err != nil {
				return nil, err
			}
			p.endOfLine()
		}
		body, stop, err := p.block(depth + 1)
		if err != nil {
			return nil, err
		}
		b.body = body
		n = append(n, b)
		switch {
		case stop == "end":
			return n, nil
		case stop == "":
			return nil, p.errorf(start, "#if has no #end")
		case word == "else":
			return nil, p.errorf(p.at, "#%s after #else", stop)
		}
		word = stop
	}
}

func (p *parser) foreach(start, depth int) (node, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	if p.peek(0) != '$' {
		return nil, p.errorf(p.pos, "#foreach wants a variable")
	}
	at := p.pos
	v, err := p.reference(depth)
	if err != nil {
		return nil, err
	}
	if len(v.parts) > 0 || v.name == "input" || v.name == "util" || v.name == "context" || v.name == "stageVariables" || v.name == "foreach" {
		return nil, p.errorf(at, "#foreach wants a plain variable")
	}
	if err := p.expect("in"); err != nil {
		return nil, err
	}
	in, err := p.expression(depth + 1)
	if err != nil {
		return nil, err
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	p.endOfLine()
	body, stop, err := p.block(depth + 1)
	if err != nil {
		return nil, err
	}
	if stop != "end" {
		return nil, p.errorf(start, "#foreach has no #end")
	}
	return foreachNode{v.name, in, body}, nil
}
