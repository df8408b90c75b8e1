package tokenhandler

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
)

// introspectionSecret returns the secret the authorizer introspects with, nil if
// it does not.
func (h *TokenHandler) introspectionSecret(p Props) awssecretsmanager.ISecret {
	switch phantom := p.PhantomToken; {
	case !phantom.Enabled:
		return nil
	case phantom.ClientSecret != nil:
		return phantom.ClientSecret
	case phantom.ClientID == "":
		return h.ClientSecret
	}
	return h.newSecret("IntrospectionSecret",
		"Client secret of the token handler's authorizer at the introspection endpoint: register it at the provider",
		nil, nil)
}
