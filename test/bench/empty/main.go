// Command empty is the least that a Go Lambda can be: what the others are
// measured against.
package main

import "github.com/aws/aws-lambda-go/lambda"

func main() { lambda.Start(func() {}) }
