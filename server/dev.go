package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"idpool/cognito"
	"idpool/iam"
	"idpool/store"
	"idpool/wire"
)

// devRegion is where the sample pool of --dev is.
const devRegion = "us-east-1"

// devRole is the guest role of the sample pool.
const devRole = "SampleGuest"

// develop makes the sample pool of --dev at the first start, and finds it again later.
func (s *Server) develop(ctx context.Context) error {
	if !s.config.Dev {
		return nil
	}
	err := s.db.View(ctx, func(tx *store.Tx) error {
		id, err := tx.Setting(store.SettingDevPool)
		s.devPool = string(id)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		err = s.createSample(ctx)
	}
	return err
}

// createSample goes by the front door, as the root: what it makes is what a user would have made.
func (s *Server) createSample(ctx context.Context) error {
	root := iam.Root(s.config.Account, "")
	root.Region = devRegion
	pool, err := s.cognito.CreateIdentityPool(ctx, root, &cognito.CreateIdentityPoolInput{
		IdentityPoolName: "sample", AllowUnauthenticatedIdentities: true,
	})
	if err != nil {
		return err
	}
	role, err := s.iam.CreateRole(ctx, root, &iam.CreateRoleInput{
		RoleName: devRole,
		AssumeRolePolicyDocument: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
			`"Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity",` +
			`"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + pool.IdentityPoolId + `"},` +
			`"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"unauthenticated"}}}]}`,
	})
	var e *wire.Error
	switch {
	case errors.As(err, &e) && e.Status == http.StatusConflict:
		return errors.New("this --dev database was left half made: remove its directory and start again")
	case err != nil:
		return err
	}
	_, err = s.cognito.SetIdentityPoolRoles(ctx, root, &cognito.SetIdentityPoolRolesInput{
		IdentityPoolId: pool.IdentityPoolId, Roles: map[string]string{"unauthenticated": role.Role.Arn},
	})
	if err != nil {
		return err
	}
	s.devPool = pool.IdentityPoolId
	return s.db.Update(ctx, func(tx *store.Tx) error {
		return tx.CreateSetting(store.SettingDevPool, []byte(s.devPool))
	})
}

// announce tells whoever started the node where it is, and what to do next.
func (s *Server) announce() {
	c := &s.config
	about := []any{"listen", s.Addr(), "issuer", c.IssuerURL, "account", c.Account, "database", s.db.Describe()}
	if c.DatabaseReplica != "" {
		about = append(about, "replica", true)
	}
	c.Log.Info("serving", about...)
	if c.AuditLog == auditToOut { // which programs read, and no person
		if s.newRoot != nil {
			c.Log.Info("made a root access key", "account", c.Account, "file", s.rootCredentials())
		}
		return
	}
	if s.newRoot != nil {
		s.announceRoot()
	}
	if c.Dev {
		fmt.Fprintf(c.Out, devText, s.baseURL(), devRegion, s.devPool)
	}
}

// announceRoot says where the root key is that this start has made; and the key itself to a person, who has no other: with
// --dev there is test/test to try things with.
func (s *Server) announceRoot() {
	if !s.config.IsTerminal || s.config.Dev {
		fmt.Fprintf(s.config.Out, "The root access key of account %s is in %s\n", s.config.Account, s.rootCredentials())
		return
	}
	fmt.Fprintf(s.config.Out, rootText, s.config.Account, s.rootCredentials(), s.newRoot.ID, s.newRoot.Secret, devRegion, s.baseURL())
}

const rootText = `The root access key of account %s, which is also in %s.
To use it with the AWS CLI, put this into ~/.aws/config and add --profile idpool to a command, and --endpoint-url if the CLI
is older than 2.13:

[profile idpool]
aws_access_key_id = %s
aws_secret_access_key = %s
region = %s
endpoint_url = %s

`

// The endpoint is a flag in the commands, since AWS CLIs before 2.13, as Debian 12 has one, know no variable for it and would
// ask Amazon.
const devText = `
idpool is ready, with root keys that everybody knows: for this machine alone. To try it, in another terminal:

  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_ENDPOINT_URL=%[1]s AWS_DEFAULT_REGION=%[2]s
  aws --endpoint-url $AWS_ENDPOINT_URL cognito-identity list-identity-pools --max-results 10
  ID=$(aws --endpoint-url $AWS_ENDPOINT_URL cognito-identity get-id --identity-pool-id %[3]s --query IdentityId --output text)
  aws --endpoint-url $AWS_ENDPOINT_URL cognito-identity get-credentials-for-identity --identity-id $ID
  curl $AWS_ENDPOINT_URL/.well-known/openid-configuration

`
