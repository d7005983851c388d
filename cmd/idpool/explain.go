package main

import (
	"context"
	"fmt"
	"strings"

	"idpool/cognito"
	"idpool/server"
)

type explainCommand struct {
	Credentials explainCredentialsCommand `cmd:"" help:"Would GetCredentialsForIdentity give credentials, and of which role?"`
	Access      explainAccessCommand      `cmd:"" help:"May a role, a user or an identity do something?"`
}

// loginFlags are of an identity's call.
type loginFlags struct {
	Logins     []string `env:"-" sep:"none" placeholder:"PROVIDER=TOKEN" help:"A login that the call would show; its token is verified. Without any: those that the identity has."`
	CustomRole string   `env:"-" placeholder:"ARN" help:"The role that the call would ask for."`
}

type explainCredentialsCommand struct {
	IdentityID string `arg:"" help:"The identity."`
	loginFlags
	nodeFlags
}

// Run is idpool explain credentials.
func (c *explainCredentialsCommand) Run(ctx context.Context) error {
	logins, err := pairs("--logins", "PROVIDER=TOKEN", c.Logins)
	if err != nil {
		return err
	}
	node, err := c.node(c.IdentityID)
	if err != nil {
		return err
	}
	in := cognito.ExplainCredentialsInput{IdentityId: c.IdentityID, Logins: flat(logins), CustomRoleArn: c.CustomRole}
	return explain(ctx, node, "ExplainCredentials", in)
}

type explainAccessCommand struct {
	Role     string   `env:"-" placeholder:"NAME" help:"A role: any session of it, without what a login brings along."`
	User     string   `env:"-" placeholder:"NAME" help:"A user."`
	Identity string   `env:"-" placeholder:"ID" help:"An identity: the session that it would get from GetCredentialsForIdentity."`
	Action   string   `env:"-" required:"" placeholder:"SERVICE:OPERATION" help:"Such as s3:GetObject."`
	Resource string   `env:"-" required:"" placeholder:"ARN" help:"Such as arn:aws:s3:::bucket/key."`
	Context  []string `env:"-" sep:"none" placeholder:"KEY=VALUE" help:"A condition key of the request; several values of one key each by a flag."`
	loginFlags
	nodeFlags
}

// Run is idpool explain access.
func (c *explainAccessCommand) Run(ctx context.Context) error {
	if _, _, given := one(map[string]string{"role": c.Role, "user": c.User, "identity": c.Identity}); !given {
		return &server.UsageError{Message: "give one of --role, --user and --identity, such as: " +
			"idpool explain access --role Auth --action s3:GetObject --resource arn:aws:s3:::bucket/key"}
	}
	logins, err := pairs("--logins", "PROVIDER=TOKEN", c.Logins)
	if err != nil {
		return err
	}
	keys, err := pairs("--context", "KEY=VALUE", c.Context)
	if err != nil {
		return err
	}
	node, err := c.node(c.Identity)
	if err != nil {
		return err
	}
	in := cognito.ExplainAccessInput{
		RoleName: c.Role, UserName: c.User, IdentityId: c.Identity, Logins: flat(logins), CustomRoleArn: c.CustomRole,
		Action: c.Action, Resource: c.Resource, Context: keys,
	}
	return explain(ctx, node, "ExplainAccess", in)
}

// explain asks, and prints the answer: what, in one line, and why.
func explain(ctx context.Context, n *node, operation string, in any) error {
	var out cognito.Explained
	if err := n.call(ctx, operation, in, &out); err != nil {
		return err
	}
	verdict := "refused: "
	if out.Allowed {
		verdict = "allowed: "
	}
	_, err := fmt.Printf("%s%s\n\n%s", verdict, out.Reason, out.Explanation)
	return err
}

// pairs reads KEY=VALUE texts; a key may stand more than once.
func pairs(flag, form string, texts []string) (map[string][]string, error) {
	m := make(map[string][]string, len(texts))
	for _, text := range texts {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, &server.UsageError{Message: fmt.Sprintf("%s: give %s, not %q", flag, form, text)}
		}
		m[key] = append(m[key], value)
	}
	return m, nil
}

// flat takes the last value of each key.
func flat(m map[string][]string) map[string]string {
	texts := make(map[string]string, len(m))
	for key, values := range m {
		texts[key] = values[len(values)-1]
	}
	return texts
}
