package cookie

// Place identifies the use of a sealed value. The value opens in no other
// place.
type Place struct {
	info               string // of the derived key: kind and deployment
	name, domain, path string
}

// NewPlace returns the place of a kind of value of a deployment. The
// deployment is the issuer, a space and the client id.
func NewPlace(kind, deployment, prefix, name, domain, path string) Place {
	return Place{
		info: "token handler cookie\x00" + kind + "\x00" + deployment + "\x00" + prefix + "\x00",
		name: name, domain: domain, path: path,
	}
}

func (p Place) additionalData(prefix []byte) []byte {
	data := make([]byte, 0, len(prefix)+len(p.name)+len(p.domain)+len(p.path)+3)
	data = append(data, prefix...)
	for _, part := range [...]string{p.name, p.domain, p.path} {
		data = append(append(data, part...), 0)
	}
	return data
}

func (p Place) additionalData2(prefix []byte) []byte {
	return append(append(make([]byte, 0, len(prefix)+len(p.name)), prefix...), p.name...)
}
