package rules

// Options complement a template for Check.
type Options struct {
	// APIs are the logical ids of the REST APIs to check, as the methods name
	// them. Empty: all of them.
	APIs []string
	// OnlyUsers leaves out REST APIs that use no OAuth proxy, unless APIs names
	// them, and all functions and secrets that are not the token handler's.
	OnlyUsers bool
	// Authorizers are the token handler's, by logical id, or by id or name of the
	// import if they are in another stack. Empty: those that invoke an OAuth
	// proxy of this template or of Functions. With OnlyUsers, those as well.
	Authorizers []string
	// Functions are the OAuth proxies of other templates of the app.
	Functions map[string]Function
	// Public has reasons by "METHOD /path".
	Public map[string]string
}

// Report is the result of Check.
type Report struct {
	Findings []Finding
	Methods  map[string]int    // number of methods by kind
	Public   map[string]string // reasons by "METHOD /path"
}

// Errors returns the findings that are not advice.
func (r Report) Errors() []Finding { return r.where(false) }

// Warnings returns the findings that are advice.
func (r Report) Warnings() []Finding { return r.where(true) }

func (r Report) where(advice bool) []Finding {
	var out []Finding
	for _, f := range r.Findings {
		if f.Advice == advice {
			out = append(out, f)
		}
	}
	return out
}
