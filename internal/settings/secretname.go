package settings

import "strings"

// SecretNameFault returns the fault of a secret's name in Secrets Manager, or
// "". It refuses names that make an ARN without its random ending
// look complete: "if your secret's name ends in a hyphen followed by six
// characters, Secrets Manager might not be able to find the secret from only
// part of an ARN" (AWS Secrets Manager User Guide, "Troubleshooting AWS Secrets
// Manager").
func SecretNameFault(name string) string {
	const ending = len("-xxxxxx")
	switch {
	case !madeOf(name, 1, 512, "/_+=.@-"):
		return "must be 1 to 512 letters, digits or /_+=.@-"
	case len(name) >= ending && name[len(name)-ending] == '-' && !strings.Contains(name[len(name)-ending+1:], "-"):
		return "must not end in a hyphen and six characters: Secrets Manager takes them for the end of an ARN. Copy the secret to another name, or give its full ARN"
	}
	return ""
}
