// Command rotation is the Lambda that rotates the key of the cookies on the
// schedule of Secrets Manager. See package rotation for its steps. It has no
// settings of its own.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/tokenhandler/aws/lambda/internal/rotation"
)

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "rotation:", err)
		os.Exit(1)
	}
	lambda.Start(rotation.Rotator{Client: secretsmanager.NewFromConfig(cfg)}.Handle)
}
