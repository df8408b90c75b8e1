package clientauth

import (
	"encoding/asn1"
	"errors"
	"math/big"
)

// Raw makes the signature of a JWS of an ECDSA signature in DER form: "the
// octet sequences R and S" of the size of the curve (RFC 7518 section 3.4).
func Raw(algorithm string, der []byte) ([]byte, error) {
	size := map[string]int{"ES256": 32, "ES384": 48, "ES512": 66}[algorithm]
	var signature struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &signature)
	if err != nil || len(rest) > 0 || size == 0 || !fits(signature.R, size) || !fits(signature.S, size) {
		return nil, errors.New("clientauth: expected an ECDSA signature of the algorithm's curve")
	}
	raw := make([]byte, 2*size)
	signature.R.FillBytes(raw[:size])
	signature.S.FillBytes(raw[size:])
	return raw, nil
}

func fits(n *big.Int, size int) bool { return n.Sign() > 0 && n.BitLen() <= 8*size }
