package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var dynamicRef = regexp.MustCompile(`\{\{resolve:([^:{}]*):([^{}]*)\}\}`)

// dynamic replaces the dynamic references in a string by the values they stand for. Only Lambda environments are
// resolved this way; anywhere else a dynamic reference is refused.
func (l *loader) dynamic(s string) (string, error) {
	var firstErr error
	out := dynamicRef.ReplaceAllStringFunc(s, func(m string) string {
		sub := dynamicRef.FindStringSubmatch(m)
		var value string
		err := fmt.Errorf("dynamic references to %s are not implemented", sub[1])
		if sub[1] == "secretsmanager" {
			value, err = l.secretReference(sub[2])
		}
		if err != nil && firstErr == nil {
			firstErr = err
		}
		return value
	})
	if firstErr != nil {
		return "", firstErr
	}
	return out, nil
}

// secretReference resolves `secret-id:SecretString:json-key:version-stage:version-id`, in which the id may be an ARN.
func (l *loader) secretReference(ref string) (string, error) {
	id, rest, _ := strings.Cut(ref, ":SecretString")
	fields := strings.Split(strings.TrimPrefix(rest, ":"), ":")
	if len(fields) > 3 {
		return "", fmt.Errorf("dynamic reference to secret %s has too many parts", id)
	}
	fields = append(fields, "", "", "")
	key, stage, version := fields[0], fields[1], fields[2]
	if stage != "" && stage != "AWSCURRENT" || version != "" {
		return "", fmt.Errorf("dynamic reference to secret %s: version stage %q, id %q: only the current version exists locally", id, stage, version)
	}
	secret, ok, err := l.findSecret(id)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", fmt.Errorf("secret %s is not in the template: give its value", id)
	}
	if key == "" {
		return secret.Reveal(), nil
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(secret.Reveal()), &object); err != nil {
		// Not %w: the decoder's error may quote the secret.
		return "", fmt.Errorf("secret %s is not a JSON object, key %q cannot be read from it", id, key)
	}
	value, ok := object[key].(string)
	if !ok {
		return "", fmt.Errorf("secret %s has no string under key %q", id, key)
	}
	return value, nil
}

// findSecret looks a secret up by ARN, name or, when the caller gave its value, by that spelling.
func (l *loader) findSecret(id string) (Secret, bool, error) {
	for _, logical := range l.ofType("AWS::SecretsManager::Secret") {
		arn, err := l.ref(logical, 0)
		if err != nil {
			return Secret{}, false, err
		}
		name, err := l.secretName(l.Resources[logical], 0)
		if err != nil {
			return Secret{}, false, err
		}
		if id == arn || id == name {
			s, ok := l.secrets[logical]
			if !ok {
				return Secret{}, false, errors.New("its secret could not be made")
			}
			return s, true, nil
		}
	}
	for name, value := range l.opts.Secrets {
		// A reference by name is an ARN without the random suffix.
		if id == name || strings.HasPrefix(id, "arn:") && strings.HasSuffix(id, ":secret:"+name) {
			return NewSecret(value), true, nil
		}
	}
	return Secret{}, false, nil
}

// hasDynamic reports whether a resolved value has a dynamic reference anywhere.
func hasDynamic(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, "{{resolve:")
	case []any:
		for _, e := range v {
			if hasDynamic(e) {
				return true
			}
		}
	case map[string]any:
		for _, e := range v {
			if hasDynamic(e) {
				return true
			}
		}
	}
	return false
}
