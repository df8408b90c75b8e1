package template

import "strings"

// Rotation is the rotation of a secret by one of the template's functions. Its
// schedule is not kept locally: who wants a rotation asks for it.
type Rotation struct {
	SecretARN  string
	Value      Secret // of the secret, as it was made
	FunctionID string // logical id
}

// loadRotations reads the rotation schedules. As with API Gateway's, a missing
// permission to invoke the function is an error here, not at the first
// rotation, weeks after the deployment.
func (l *loader) loadRotations(functions []Function) []Rotation {
	var rotations []Rotation
	for _, id := range l.ofType("AWS::SecretsManager::RotationSchedule") {
		r := l.Resources[id]
		p := l.read(r)
		secret, function := p.str("SecretId"), p.str("RotationLambdaARN")
		value, ok, err := l.findSecret(secret)
		if err != nil || !ok {
			p.fail("property SecretId: %q is no secret of the template, and has no value given", secret)
			continue
		}
		rotation := Rotation{SecretARN: secret, Value: value}
		for _, f := range functions {
			if f.ARN == function {
				rotation.FunctionID = f.LogicalID
			}
		}
		switch {
		case rotation.FunctionID == "":
			p.fail("property RotationLambdaARN: %q is no function of the template", function)
		case !l.mayRotate(function, secret):
			p.fail("no AWS::Lambda::Permission lets Secrets Manager invoke %s for %s", rotation.FunctionID, secret)
		}
		rotations = append(rotations, rotation)
	}
	return rotations
}

func (l *loader) mayRotate(function, secret string) bool {
	for _, id := range l.ofType("AWS::Lambda::Permission") {
		p := l.read(l.Resources[id])
		source, account := p.str("SourceArn"), p.str("SourceAccount")
		if p.str("Principal") == "secretsmanager.amazonaws.com" && p.str("Action") == "lambda:InvokeFunction" &&
			(p.str("FunctionName") == function || strings.HasSuffix(function, ":"+p.str("FunctionName"))) &&
			(source == "" || MatchARN(source, secret)) && (account == "" || account == l.opts.AccountID) {
			return true
		}
	}
	return false
}
