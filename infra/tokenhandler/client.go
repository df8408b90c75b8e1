package tokenhandler

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
)

// allowSigning lets the agent sign with the client's KMS key: kms:Sign, on
// exactly that key.
func (h *TokenHandler) allowSigning(p Props) {
	if key := p.Provider.Authentication.KMSKey; key != nil {
		h.AgentFunction.Role().AddToPrincipalPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("kms:Sign"), Resources: &[]*string{key.KeyArn()},
		}))
	}
}
