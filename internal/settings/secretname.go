package settings

import "regexp"

// looksComplete matches names that make the ARN without its random ending look
// complete: "if your secret's name ends in a hyphen followed by six characters,
// Secrets Manager might not be able to find the secret from only part of an ARN"
// (AWS Secrets Manager User Guide, "Troubleshooting AWS Secrets Manager").
var (
	secretName    = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`)
	looksComplete = regexp.MustCompile(`-[A-Za-z0-9/_+=.@]{6}$`)
)

// SecretNameFault says what is wrong with the name of a secret in Secrets
// Manager, or "".
func SecretNameFault(name string) string {
	switch {
	case !secretName.MatchString(name):
		return "must be 1 to 512 letters, digits or /_+=.@-"
	case looksComplete.MatchString(name):
		return "must not end in a hyphen and six characters: Secrets Manager takes them for the end of an ARN. Copy the secret to another name, or give its full ARN"
	}
	return ""
}
