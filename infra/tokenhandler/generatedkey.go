package tokenhandler

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
)

// checkGeneratedKey panics if the secret of the cookie key belongs to this app
// and generates another kind of value: the Lambdas would not start. The value
// of a secret made elsewhere is unknown here.
func checkGeneratedKey(secret awssecretsmanager.ISecret) {
	made, ok := secret.Node().DefaultChild().(awssecretsmanager.CfnSecret)
	if !ok || made.GenerateSecretString() == nil {
		return
	}
	generator, _ := made.Stack().Resolve(made.GenerateSecretString()).(map[string]any)
	if fault := keyFault(generator); fault != "" {
		misuse("Props.CookieKeySecret %s %s: expected 64 hexadecimal characters, as NewSessionKey makes them", *made.Node().Path(), fault)
	}
}

// keyFault returns the reason why a generator makes no key, or "". The defaults
// are those of AWS::SecretsManager::Secret GenerateSecretString: 32 characters,
// of every kind but space.
func keyFault(generator map[string]any) string {
	if generator["secretStringTemplate"] != nil || generator["generateStringKey"] != nil {
		return "generates JSON"
	}
	length, given := generator["passwordLength"].(float64)
	if !given {
		length = 32
	}
	if length != 64 {
		return fmt.Sprintf("generates %v characters", length)
	}
	// "RequireEachIncludedType: Specifies whether to include at least one upper
	// and lowercase letter, one number, and one punctuation."
	const lower, upper, digits = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
	excluded, _ := generator["excludeCharacters"].(string)
	for _, kind := range []struct{ leftOut, characters string }{
		{"excludeLowercase", lower}, {"excludeUppercase", upper}, {"excludeNumbers", digits}, {"excludePunctuation", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"},
	} {
		if generator[kind.leftOut] == true {
			continue
		}
		for _, c := range kind.characters {
			if !strings.ContainsRune(digits+"abcdefABCDEF", c) && !strings.ContainsRune(excluded, c) {
				return fmt.Sprintf("may generate %q", c)
			}
		}
	}
	if generator["includeSpace"] == true && !strings.Contains(excluded, " ") {
		return `may generate " "`
	}
	return ""
}
