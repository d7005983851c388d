package main

import (
	"context"
	"fmt"

	"idpool/iam"
	"idpool/server"
)

type accountsCommand struct {
	Add addAccountCommand `cmd:"" help:"Make another account and its root key."`
}

type addAccountCommand struct {
	ID string `arg:"" help:"12 digits."`
	whereFlags
}

// Run is idpool accounts add.
func (c *addAccountCommand) Run(ctx context.Context) error {
	if !iam.ValidAccount(c.ID) {
		return &server.UsageError{Message: c.ID + " is no account: an account has 12 digits"}
	}
	var out iam.CreateAccountOutput
	node := node{data: c.Data, endpoint: c.Endpoint, needs: "the root key of the first account"}
	if err := node.call(ctx, "CreateAccount", iam.CreateAccountInput{AccountId: c.ID}, &out); err != nil {
		return err
	}
	_, err := fmt.Printf("[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", out.AccountId, out.AccessKeyId, out.SecretAccessKey)
	return err
}
