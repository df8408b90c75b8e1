package tokenhandler

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"
)

// literalSecrets names the secrets whose value stands in the template.
func (h *ProtectedAPI) literalSecrets() []*string {
	faults := []*string{}
	if h.owner == nil {
		return faults
	}
	for _, secret := range []awssecretsmanager.ISecret{h.owner.CookieKeySecret, h.owner.ClientSecret} {
		if secret == nil {
			continue
		}
		if made, ok := secret.Node().DefaultChild().(awssecretsmanager.CfnSecret); ok && made.SecretString() != nil && !isToken(*made.SecretString()) {
			faults = append(faults, jsii.String(*made.Node().Path()+
				" has its value in the template: let Secrets Manager generate it, or put it there by other means"))
		}
	}
	return faults
}
