package main

import (
	"context"
	"fmt"

	"idpool/cognito"
	"idpool/server"
)

type sessionsCommand struct {
	Revoke revokeCommand `cmd:"" help:"End the sessions of a role, of an identity, or of all identities of a pool."`
}

type revokeCommand struct {
	Role     string `env:"-" placeholder:"NAME" help:"A role: whoever has its credentials."`
	Identity string `env:"-" placeholder:"ID" help:"An identity."`
	Pool     string `env:"-" placeholder:"ID" help:"An identity pool."`
	nodeFlags
}

// Run is idpool sessions revoke.
func (c *revokeCommand) Run(ctx context.Context) error {
	what, id, given := one(map[string]string{"role": c.Role, "identity": c.Identity, "pool": c.Pool})
	if !given {
		return &server.UsageError{Message: "give one of --role, --identity and --pool, such as: idpool sessions revoke --role Auth"}
	}
	node, err := c.node(c.Identity + c.Pool)
	if err != nil {
		return err
	}
	in := cognito.RevokeSessionsInput{RoleName: c.Role, IdentityId: c.Identity, IdentityPoolId: c.Pool}
	if err := node.call(ctx, "RevokeSessions", in, nil); err != nil {
		return err
	}
	_, err = fmt.Printf("revoked the sessions of %s %s\n", what, id)
	return err
}

// one is the only flag of several that was given, if it is only one.
func one(flags map[string]string) (name, value string, ok bool) {
	n := 0
	for flag, text := range flags {
		if text != "" {
			name, value, n = flag, text, n+1
		}
	}
	return name, value, n == 1
}
