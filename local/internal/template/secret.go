package template

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

const redacted = "[secret]"

// Secret is a secret value that does not print itself: not with fmt in any verb, not with slog, not as JSON.
type Secret struct{ reveal func() string }

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{func() string { return value }} }

// Reveal returns the value.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

func (s Secret) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return redacted }

// Format implements fmt.Formatter.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler, for JSON and its like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

func (l *loader) secretName(r *resource, depth int) (string, error) {
	if name := r.Properties["Name"]; name != nil {
		return l.text(name, depth)
	}
	return r.ID, nil
}

func (l *loader) makeSecret(r *resource) (Secret, error) {
	if v, ok := l.opts.Secrets[r.ID]; ok {
		return NewSecret(v), nil
	}
	if v, ok := r.Properties["SecretString"]; ok {
		text, err := l.text(v, 0)
		return NewSecret(text), err
	}
	got, err := l.resolve(r.Properties["GenerateSecretString"], 0)
	if err != nil {
		return Secret{}, fmt.Errorf("GenerateSecretString: %w", err)
	}
	spec, ok := got.(map[string]any)
	if !ok {
		return Secret{}, errors.New("has neither GenerateSecretString nor SecretString: give its value")
	}
	value, err := generate(spec)
	if err != nil {
		return Secret{}, fmt.Errorf("GenerateSecretString: %w", err)
	}
	return NewSecret(value), nil
}

// generate follows CloudFormation's AWS::SecretsManager::Secret GenerateSecretString.
func generate(spec map[string]any) (string, error) {
	flags := map[string]bool{}
	length := 32
	var template, key, exclude string
	for name, v := range spec {
		text, err := cloudformation.Text(v)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		switch name {
		case "PasswordLength":
			if _, err := fmt.Sscanf(text, "%d", &length); err != nil || length < 1 || length > 4096 {
				return "", fmt.Errorf("PasswordLength is %q, must be 1 to 4096", text)
			}
		case "ExcludeCharacters":
			exclude = text
		case "SecretStringTemplate":
			template = text
		case "GenerateStringKey":
			key = text
		case "ExcludePunctuation", "ExcludeUppercase", "ExcludeLowercase", "ExcludeNumbers", "IncludeSpace", "RequireEachIncludedType":
			if text != "true" && text != "false" {
				return "", fmt.Errorf("%s is %q, must be true or false", name, text)
			}
			flags[name] = text == "true"
		default:
			return "", fmt.Errorf("property %s is not implemented", name)
		}
	}
	if (template == "") != (key == "") {
		return "", errors.New("SecretStringTemplate and GenerateStringKey go together")
	}
	each, given := flags["RequireEachIncludedType"]
	password, err := randomPassword(length, exclude, flags, each || !given)
	if err != nil || template == "" {
		return password, err
	}
	object := map[string]any{}
	dec := json.NewDecoder(strings.NewReader(template))
	dec.UseNumber()
	if err := dec.Decode(&object); err != nil {
		return "", fmt.Errorf("SecretStringTemplate is not a JSON object: %w", err)
	}
	object[key] = password
	out, err := json.Marshal(object)
	return string(out), err
}

func randomPassword(length int, exclude string, flags map[string]bool, eachType bool) (string, error) {
	var all string
	var kinds []string
	for _, set := range []struct {
		skip  bool
		chars string
	}{
		{flags["ExcludeLowercase"], "abcdefghijklmnopqrstuvwxyz"},
		{flags["ExcludeUppercase"], "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
		{flags["ExcludeNumbers"], "0123456789"},
		{flags["ExcludePunctuation"], "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"},
		{!flags["IncludeSpace"], " "},
	} {
		if set.skip {
			continue
		}
		chars := strings.Map(func(r rune) rune {
			if strings.ContainsRune(exclude, r) {
				return -1
			}
			return r
		}, set.chars)
		if chars != "" {
			kinds = append(kinds, chars)
			all += chars
		} else if eachType {
			return "", errors.New("RequireEachIncludedType: every character of an included type is excluded")
		}
	}
	if all == "" || eachType && len(kinds) > length {
		return "", errors.New("the exclusions leave no password of this length")
	}
	out := make([]byte, 0, length)
	if eachType {
		for _, k := range kinds {
			out = append(out, pick(k))
		}
	}
	for len(out) < length {
		out = append(out, pick(all))
	}
	for i := len(out) - 1; i > 0; i-- { // Fisher-Yates, so that the required ones are anywhere
		j := randInt(i + 1)
		out[i], out[j] = out[j], out[i]
	}
	return string(out), nil
}

func pick(chars string) byte { return chars[randInt(len(chars))] }

func randInt(n int) int {
	v, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic("template: internal error: " + err.Error()) // crypto/rand.Reader does not fail
	}
	return int(v.Int64())
}
