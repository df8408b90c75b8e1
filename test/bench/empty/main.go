// Command empty is a minimal Go Lambda, the floor for ours.
package main

import "github.com/aws/aws-lambda-go/lambda"

func main() { lambda.Start(func() {}) }
