package tokenhandler

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/settings"
)

// Network is how the two Lambdas reach the provider. The zero value is the
// network of AWS Lambda, with access to the internet.
type Network struct {
	// VPC in which the Lambdas run, for a provider inside of it. They then reach
	// the internet only through a NAT gateway, and AWS services only through it or
	// through VPC endpoints: Secrets Manager with CookieKeyRotation, KMS with
	// Provider.Authentication.KMSKey. Docs: docs/construct.md, "Network".
	VPC awsec2.IVpc `json:"vpcId"`
	// Subnets of the VPC, private ones. Nil: its private subnets with egress, which
	// an imported VPC must have.
	Subnets []awsec2.ISubnet `json:"subnetIds"`
	// SecurityGroups of the Lambdas. They need egress to the provider's port. Nil:
	// one is made that allows all egress and no ingress.
	SecurityGroups []awsec2.ISecurityGroup `json:"securityGroupIds"`
	// DualStack gives the Lambdas IPv6 addresses, too, in subnets that have them.
	DualStack bool `json:"dualStack"`

	// CABundle are certificates in PEM form that the Lambdas trust besides the
	// usual authorities when they call the provider: those of a private authority.
	CABundle string `json:"caBundle"`
}

func checkNetwork(c *settings.Checker, p *Props) {
	n := &p.Network
	c.Refuse(n.VPC == nil && len(n.Subnets) > 0, &n.Subnets, "requires %s", &n.VPC)
	c.Refuse(n.VPC == nil && len(n.SecurityGroups) > 0, &n.SecurityGroups, "requires %s", &n.VPC)
	c.Refuse(n.VPC == nil && n.DualStack, &n.DualStack, "requires %s", &n.VPC)
}

// place puts a function into the VPC.
func (n Network) place(props *awslambda.FunctionProps, role awsiam.Role) {
	if n.VPC == nil {
		return
	}
	props.Vpc = n.VPC
	props.VpcSubnets = &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PRIVATE_WITH_EGRESS}
	if len(n.Subnets) > 0 {
		props.VpcSubnets = &awsec2.SubnetSelection{Subnets: &n.Subnets}
	}
	if len(n.SecurityGroups) > 0 {
		props.SecurityGroups = &n.SecurityGroups
	}
	if n.DualStack {
		props.Ipv6AllowedForDualStack = jsii.Bool(true)
	}
	// "For Lambda to connect to a VPC, it needs access to the Amazon EC2 API"
	// (AWS Lambda Developer Guide, "Giving Lambda functions access to resources in
	// an Amazon VPC"). The interfaces have no names beforehand.
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
			"ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
			"ec2:UnassignPrivateIpAddresses"),
		Resources: jsii.Strings("*"),
	}))
}

// trustOwnHost has the Lambdas trust reads of pages on the API's own host.
func (h *TokenHandler) trustOwnHost() {
	h.props.Application.SameOriginReads = true
	agent := settings.Agent{}
	agent.Application.SameOriginReads = true
	v := settings.VariableOf(&agent, &agent.Application.SameOriginReads)
	for _, function := range []awslambda.Function{h.AuthorizerFunction, h.AgentFunction} {
		function.AddEnvironment(jsii.String(v.Name), jsii.String(v.Value), nil)
	}
}
