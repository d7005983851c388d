package sts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"idpool/identity"
	"idpool/issuer"
	"idpool/store"
	"idpool/wire"
)

// shapes are the constraints of the STS API, version 2011-06-15.
func shapes() wire.Shapes {
	return wire.Shapes{
		"arnType":                   {Min: 20, Max: 2048, Pattern: `[\x09\x0A\x0D\x20-\x7E\x{85}\x{A0}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]+`},
		"roleSessionNameType":       {Min: 2, Max: 64, Pattern: `[\w+=,.@-]*`},
		"clientTokenType":           {Min: 4, Max: 20000, Sensitive: true},
		"urlType":                   {Min: 4, Max: 2048},
		"sessionPolicyDocumentType": {Min: 1, Max: 2048, Pattern: `[\x09\x0A\x0D\x20-\x{FF}]+`},
		"roleDurationSecondsType":   {Min: 900, Max: 43200},

		"unrestrictedSessionPolicyDocumentType": {Min: 1, Pattern: `[\x09\x0A\x0D\x20-\x{FF}]+`},
		"tagListType":                           {Max: 50},
		"tagKeyListType":                        {Max: 50, Member: "tagKeyType"},
		"tagKeyType":                            {Min: 1, Max: 128, Pattern: `[\p{L}\p{Z}\p{N}_.:/=+\-@]+`},
		"tagValueType":                          {Max: 256, Pattern: `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`},
		"externalIdType":                        {Min: 2, Max: 1224, Pattern: `[\w+=,.@:\/-]*`},
		"serialNumberType":                      {Min: 9, Max: 256, Pattern: `[\w+=/:,.@-]*`},
		"tokenCodeType":                         {Min: 6, Max: 6, Pattern: `[\d]*`},
		"sourceIdentityType":                    {Min: 2, Max: 64, Pattern: `[\w+=,.@-]*`},
		"ProvidedContextsListType":              {Min: 1, Max: 5},
		"contextAssertionType":                  {Min: 4, Max: 2048},
		"SAMLAssertionType":                     {Min: 4, Max: 100000, Sensitive: true},
		"durationSecondsType":                   {Min: 900, Max: 129600},
		"accessKeyIdType":                       {Min: 16, Max: 128, Pattern: `[\w]*`},
		"policyDescriptorListType":              {Max: 10}, // in the words of the member's documentation
	}
}

// GetCallerIdentityInput is empty.
type GetCallerIdentityInput struct{}

// GetCallerIdentityOutput is the output of GetCallerIdentity.
type GetCallerIdentityOutput struct {
	UserId  string
	Account string
	Arn     string
}

// GetCallerIdentity says who signed the call. It needs no permission, so there is none to check.
func (s *Service) GetCallerIdentity(_ context.Context, c wire.Caller, _ *GetCallerIdentityInput) (*GetCallerIdentityOutput, error) {
	return &GetCallerIdentityOutput{UserId: c.UserID, Account: c.Account, Arn: c.ARN}, nil
}

// AssumeRoleWithWebIdentityInput is the input of AssumeRoleWithWebIdentity.
type AssumeRoleWithWebIdentityInput struct {
	RoleArn          string      `api:"arnType,required"`
	RoleSessionName  string      `api:"roleSessionNameType,required"`
	WebIdentityToken string      `api:"clientTokenType,required"`
	ProviderId       string      `api:"urlType"`
	PolicyArns       []PolicyARN `api:"policyDescriptorListType"`
	Policy           string      `api:"sessionPolicyDocumentType"`
	DurationSeconds  int64       `api:"roleDurationSecondsType"`
}

// PolicyARN names a managed policy.
type PolicyARN struct {
	Arn string `api:"arnType,required" json:"arn"`
}

// AssumedRoleUser names a session.
type AssumedRoleUser struct {
	AssumedRoleId string
	Arn           string
}

// AssumeRoleWithWebIdentityOutput is the output of AssumeRoleWithWebIdentity.
type AssumeRoleWithWebIdentityOutput struct {
	Credentials                 Credentials
	SubjectFromWebIdentityToken string // identity id
	AssumedRoleUser             AssumedRoleUser
	PackedPolicySize            int    `xml:",omitempty"` // in percent; none without policies and tags
	Provider                    string // without a scheme; of an identity provider of IAM the ARN
	Audience                    string // pool id, or client id
	SourceIdentity              string `xml:",omitempty"`
}

// AssumeRoleWithWebIdentity is the second step of the classic flow, a token of GetOpenIdToken for credentials of a role. It
// takes tokens of identity providers of IAM too.
func (s *Service) AssumeRoleWithWebIdentity(ctx context.Context, in *AssumeRoleWithWebIdentityInput) (*AssumeRoleWithWebIdentityOutput, error) {
	if unverified, foreign := s.foreignToken(in.WebIdentityToken); foreign {
		return s.assumeForeign(ctx, in, unverified)
	}
	claims, err := s.verify(ctx, in.WebIdentityToken)
	if err != nil {
		return nil, err
	}
	account, err := checkRequest(in)
	if err != nil {
		return nil, err
	}
	request, err := s.webRequest(ctx, account, claims)
	if err != nil {
		return nil, err
	}
	request.RoleARN, request.SessionName, request.Policy, request.Policies = in.RoleArn, in.RoleSessionName, in.Policy, policyARNs(in.PolicyArns)
	request.Lifetime = DefaultLifetime
	if in.DurationSeconds > 0 {
		request.Lifetime = time.Duration(in.DurationSeconds) * time.Second
	}
	assumed, err := s.Issue(ctx, request)
	if err != nil {
		return nil, err
	}
	return &AssumeRoleWithWebIdentityOutput{
		Credentials: assumed.Credentials, SubjectFromWebIdentityToken: claims.Subject,
		AssumedRoleUser: assumed.user(in.RoleSessionName), PackedPolicySize: assumed.Packed,
		Provider: issuer.Name, Audience: claims.Audience,
	}, nil
}

// verify takes tokens of our own issuer.
func (s *Service) verify(ctx context.Context, token string) (*issuer.Claims, error) {
	claims, err := s.Issuer.Verify(ctx, token)
	switch {
	case errors.Is(err, issuer.ErrExpired):
		return nil, expired(expiredText(s.Now().Unix(), claims.Expires))
	case errors.Is(err, issuer.ErrToken):
		return nil, s.explainToken(token)
	}
	return claims, err
}

// The original's texts.
const (
	noJWT             = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
	noVerificationKey = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
)

// explainToken words why a token is none of ours, from what it says of itself, which is not that it is another's.
func (s *Service) explainToken(token string) error {
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(token, &claims); err != nil {
		return invalidToken(noJWT)
	}
	if claims.Issuer == s.Issuer.URL {
		return invalidToken(noVerificationKey)
	}
	return invalidToken("Issuer must be a valid URL")
}

// checkRequest checks what no constraint says, and returns the role's account.
func checkRequest(in *AssumeRoleWithWebIdentityInput) (account string, err error) {
	if account, err = roleAccount(in.RoleArn); err != nil {
		return "", err
	}
	return account, checkInline(in.Policy)
}

// webRequest looks up what a token names: identity and pool must still be there, and one of the logins. Its errors go to the
// log, and name no identity: a guest's id is its only secret.
func (s *Service) webRequest(ctx context.Context, account string, claims *issuer.Claims) (*Request, error) {
	region, id, err := identity.ParseID(claims.Subject)
	if err != nil {
		return nil, fmt.Errorf("%w: the token's subject: %w", ErrAccessDenied, err)
	}
	var ref store.PoolRef
	var found *identity.Identity
	var version int64 // of the role's account
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		ref, found, err = tx.FindIdentity(region, id)
		if version = ref.AccountVersion; err == nil && ref.Account != account {
			version, err = tx.AccountVersion(account)
		}
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && !identity.StillGood(claims.AMR, claims.Audience, found):
		return nil, fmt.Errorf("%w: the token's identity is gone or has lost the logins that the token names, or there is no account %s", ErrAccessDenied, account)
	case err != nil:
		return nil, err
	case !slices.Equal(claims.Epochs, issuer.EpochsOf(ref.Epoch, found.Epoch)):
		return nil, fmt.Errorf("%w: the sessions of the token's identity or pool were revoked since it was given", ErrAccessDenied)
	case ref.ID.In(region) != claims.Audience:
		return nil, fmt.Errorf("%w: the token's identity is not of pool %s", ErrAccessDenied, claims.Audience)
	}
	request := &Request{
		Account: account, AccountVersion: version,
		Web:      WebIdentity{Audience: claims.Audience, Subject: claims.Subject, AMR: claims.AMR, Tags: claims.Tags.Map()},
		Identity: IdentityOf{ID: id, Account: ref.Account, Region: region, Pool: ref.ID, PoolEpoch: ref.Epoch, Epoch: found.Epoch, AMR: claims.AMR},
	}
	return request, nil
}
