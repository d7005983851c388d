package cognito

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"idpool/identity"
	"idpool/sts"
	"idpool/wire"
)

// sessionName is the name of every session that a pool's credentials are for. Bucket policies out there rely on it.
const sessionName = "CognitoIdentityCredentials"

// GetCredentialsForIdentityInput is the input of GetCredentialsForIdentity.
type GetCredentialsForIdentityInput struct {
	IdentityId    string            `api:"IdentityId,required"`
	Logins        map[string]string `api:"LoginsMap"`
	CustomRoleArn string            `api:"ARNString"`
}

// GetCredentialsForIdentityOutput is the output of GetCredentialsForIdentity. The identity may be another than the one
// asked for, if the call has merged two.
type GetCredentialsForIdentityOutput struct {
	IdentityId  string
	Credentials Credentials
}

// Credentials are temporary credentials as this API writes them: it is SecretKey here.
type Credentials struct {
	AccessKeyId  string
	Expiration   wire.Time
	SecretKey    string
	SessionToken string
}

// GetCredentialsForIdentity gives credentials for an identity: the whole story in six statements.
func (s *Service) GetCredentialsForIdentity(ctx context.Context, in *GetCredentialsForIdentityInput) (*GetCredentialsForIdentityOutput, error) {
	v, err := s.findIdentity(ctx, in.IdentityId)
	if err != nil {
		return nil, err
	}
	if err := s.verify(ctx, v, in.Logins); err != nil {
		return nil, err
	}
	tags, err := v.tags()
	if err != nil {
		return nil, err
	}
	admitted, err := s.admit(ctx, v)
	if err != nil {
		return nil, err
	}
	assumed, err := s.issue(ctx, v, admitted, tags, in.CustomRoleArn)
	if err != nil {
		return nil, err
	}
	return &GetCredentialsForIdentityOutput{
		IdentityId: admitted.ID.In(v.ref.Region),
		Credentials: Credentials{
			AccessKeyId: assumed.Credentials.AccessKeyId, SecretKey: assumed.Credentials.SecretAccessKey,
			SessionToken: assumed.Credentials.SessionToken, Expiration: assumed.Credentials.Expiration,
		},
	}, nil
}

// issue is step 4: from the role to credentials.
func (s *Service) issue(ctx context.Context, v *visit, a admission, tags map[string]string, custom string) (*sts.Assumed, error) {
	role, err := v.role(custom)
	if err != nil {
		return nil, err
	}
	return s.STS.Issue(ctx, v.request(a, role, tags))
}

// request asks for credentials of a role.
func (v *visit) request(a admission, role string, tags map[string]string) *sts.Request {
	flow := sts.Enhanced
	if len(v.logins) == 0 {
		flow = sts.EnhancedGuest
	}
	amr := v.amr()
	return &sts.Request{
		Account: v.ref.Account, AccountVersion: v.ref.AccountVersion, RoleARN: role,
		SessionName: sessionName, Lifetime: sts.DefaultLifetime, Flow: flow,
		Web: sts.WebIdentity{Audience: v.pool.FullID(), Subject: a.ID.In(v.ref.Region), AMR: amr, Tags: tags},
		Identity: sts.IdentityOf{
			ID: a.ID, Account: v.ref.Account, Region: v.ref.Region, Pool: v.ref.ID, PoolEpoch: v.ref.Epoch, Epoch: a.Epoch, AMR: amr,
		},
	}
}

// role chooses the role.
func (v *visit) role(custom string) (string, error) {
	role, err := v.pool.Guest, error(nil)
	if len(v.logins) > 0 {
		decides, mapper := v.deciding()
		if a := decides.assertion; a != nil {
			role, err = identity.ChooseGranted(v.pool.Authenticated, mapper, decides.claims, a.roles, custom)
		} else {
			role, err = identity.ChooseRole(v.pool.Authenticated, mapper, decides.claims, custom)
		}
	}
	if err != nil {
		return "", v.roleRefusal(err)
	}
	if role == "" {
		return "", fmt.Errorf("%w: the pool has no role for this identity, which is %s", sts.ErrAccessDenied, v.amr()[0])
	}
	return role, nil
}

// deciding is the login whose role counts, and its mapping, or nil: of several in one call the first that has a mapping, or
// roles of its own as those by SAML have, in the order of the providers' names. The original's rule is not known.
func (v *visit) deciding() (proof, *identity.Mapper) {
	for _, p := range v.logins {
		if m, ok := v.pool.RoleMappings[p.mapper]; ok {
			return p, &m
		}
		if p.isAssertion() && len(p.assertion.roles) > 0 {
			return p, nil
		}
	}
	return v.logins[0], nil
}

// roleRefusal words what identity.ChooseRole refused. Only the first text is known of the original.
func (v *visit) roleRefusal(err error) error {
	var refused identity.RoleRefusal
	if !errors.As(err, &refused) {
		return err
	}
	switch refused {
	case identity.AmbiguousDenied:
		var names []string
		for _, p := range v.logins {
			names = append(names, p.name)
		}
		return notAuthorized("The ambiguous role mapping rules for: %s denied this request.", strings.Join(names, ", "))
	case identity.CustomRoleInRules:
		return invalidParameter("CustomRoleArn cannot be used with a role mapping of type Rules.")
	case identity.CustomRoleMissing:
		return notAuthorized("The login does not grant the role of CustomRoleArn.")
	}
	return invalidParameter("CustomRoleArn can only be used with a provider whose role mapping has the type Token.")
}
