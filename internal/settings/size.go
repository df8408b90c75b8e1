package settings

import (
	"fmt"
	"reflect"
)

// Sizes of environment variables in bytes.
const (
	// MaxEnvironment bounds all variables of a Lambda together, names and values
	// (AWS Lambda quotas, "Environment variables": 4 KB).
	MaxEnvironment = 4096
	// ReferenceSize estimates a value that is known only at deployment: an ARN, a
	// URL or the value of a secret. ARNs of secrets and keys have about 100 bytes.
	ReferenceSize = 128
	// pemSize estimates a key or a certificate in PEM form: 240 bytes with EC keys,
	// up to 1,700 with RSA keys.
	pemSize = 1000
)

// CheckSize returns a fault if the variables of s, a pointer to an [Agent] or an
// [Authorizer], may exceed MaxEnvironment. The fault names the setting that takes
// most. Secrets and values that opaque reports are estimated.
func CheckSize(s any, opaque func(string) bool) Faults {
	written := map[string]bool{}
	for _, v := range Variables(s) {
		written[v.Name] = true
	}
	total, largest := 0, 0
	var setting Setting
	for _, f := range variablesOf(s) {
		v := f.variable()
		if !written[v.Name] {
			continue
		}
		size := len(v.Name) + len(v.Value)
		switch {
		case v.Secret && f.Tag("rule") == "pem":
			size = len(v.Name) + pemSize
		case v.Secret:
			size = len(v.Name) + ReferenceSize
		default:
			items := []string{v.Value}
			if f.Value.Kind() == reflect.Slice {
				items = f.texts()
			}
			for _, item := range items {
				if opaque != nil && opaque(item) {
					size += ReferenceSize
				}
			}
		}
		if total += size; size > largest {
			largest, setting = size, f.Setting
		}
	}
	if total <= MaxEnvironment {
		return nil
	}
	return Faults{{Setting: setting, Problem: fmt.Sprintf("takes %d bytes of the Lambda's environment, which has %d bytes then; Lambda allows %d: shorten it, or move entries to another token handler",
		largest, total, MaxEnvironment)}}
}
