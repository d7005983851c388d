package sts

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"idpool/iam"
	"idpool/identity"
	"idpool/policy"
	"idpool/store"
	"idpool/wire"
)

// AssumeRoleInput is the input of AssumeRole.
type AssumeRoleInput struct {
	RoleArn           string            `api:"arnType,required"`
	RoleSessionName   string            `api:"roleSessionNameType,required"`
	PolicyArns        []PolicyARN       `api:"policyDescriptorListType"`
	Policy            string            `api:"unrestrictedSessionPolicyDocumentType"`
	DurationSeconds   int64             `api:"roleDurationSecondsType"`
	Tags              []Tag             `api:"tagListType"`
	TransitiveTagKeys []string          `api:"tagKeyListType"`
	ExternalId        string            `api:"externalIdType"`
	SerialNumber      string            `api:"serialNumberType"`
	TokenCode         string            `api:"tokenCodeType"`
	SourceIdentity    string            `api:"sourceIdentityType"`
	ProvidedContexts  []ProvidedContext `api:"ProvidedContextsListType"`
}

// ProvidedContext is something that only services of the original can vouch for.
type ProvidedContext struct {
	ProviderArn      string `api:"arnType"`
	ContextAssertion string `api:"contextAssertionType"`
}

// AssumeRoleOutput is the output of AssumeRole.
type AssumeRoleOutput struct {
	Credentials      Credentials
	AssumedRoleUser  AssumedRoleUser
	PackedPolicySize int    `xml:",omitempty"` // in percent; none without policies and tags
	SourceIdentity   string `xml:",omitempty"`
}

// maxChained is how long a session may be that a session makes.
const maxChained = time.Hour

// AssumeRole gives a user, or a role's session, credentials of a role that both sides' policies let them have.
func (s *Service) AssumeRole(ctx context.Context, c wire.Caller, in *AssumeRoleInput) (*AssumeRoleOutput, error) {
	along, err := in.passage(c)
	if err != nil {
		return nil, err
	}
	found, err := s.mayAssume(ctx, c, in, along)
	if err != nil {
		return nil, err
	}
	lifetime, err := in.lifetime(c)
	if err != nil {
		return nil, err
	}
	policies, err := s.sessionPolicies(ctx, found.role.Account, found.version, in.Policy, in.PolicyArns)
	if err != nil {
		return nil, err
	}
	assumed, err := s.grant(found.role, lifetime, along.into(&Session{Name: in.RoleSessionName, Policy: in.Policy, Policies: policies}))
	if err != nil {
		return nil, err
	}
	return &AssumeRoleOutput{
		Credentials: assumed.Credentials, AssumedRoleUser: assumed.user(in.RoleSessionName),
		PackedPolicySize: assumed.Packed, SourceIdentity: along.source,
	}, nil
}

// user names the session that was made.
func (a *Assumed) user(sessionName string) AssumedRoleUser {
	return AssumedRoleUser{AssumedRoleId: a.Role.UniqueID + ":" + sessionName, Arn: a.ARN}
}

// passage checks who may assume roles at all, and what goes along.
func (in *AssumeRoleInput) passage(c wire.Caller) (*passage, error) {
	if c.Root {
		return nil, forbidden("Roles may not be assumed by root accounts.")
	}
	if err := noMFA(in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	if len(in.ProvidedContexts) > 0 {
		return nil, validation("ProvidedContexts: this server has no context providers.")
	}
	p := &passage{tags: make(map[string]string, len(in.Tags)), transitive: slices.Clone(in.TransitiveTagKeys), source: in.SourceIdentity, asked: in.TransitiveTagKeys}
	for _, t := range in.Tags {
		if identity.HasTag(p.tags, t.Key) {
			return nil, invalidParameter("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		p.tags[t.Key] = t.Value
	}
	p.transitive = inTheirSpelling(p.tags, p.transitive)
	from, _ := c.Session.(*iam.Session)
	if problem := cmp.Or(tagProblem(p.tags, p.transitive), p.inherit(from)); problem != "" {
		return nil, invalidParameter(problem)
	}
	if from != nil && from.SourceIdentity != "" {
		if p.source != "" && p.source != from.SourceIdentity {
			return nil, validation("The source identity is already set for this assume role session")
		}
		p.source = from.SourceIdentity
	}
	return p, nil
}

// inTheirSpelling writes keys as the tags have them, each once: in a session they are looked up.
func inTheirSpelling(tags map[string]string, keys []string) []string {
	var spelled []string
	for _, key := range keys {
		for tag := range tags {
			if strings.EqualFold(tag, key) {
				key = tag
			}
		}
		if !slices.Contains(spelled, key) {
			spelled = append(spelled, key)
		}
	}
	return spelled
}

// target is the role that a call asks for, and the version that its account's caches go by.
type target struct {
	role    *iam.Role
	version int64
}

// mayAssume finds the role and asks the policies of both sides. A role that is not there is as one that nobody may have.
func (s *Service) mayAssume(ctx context.Context, c wire.Caller, in *AssumeRoleInput, along *passage) (*target, error) {
	account, err := roleAccount(in.RoleArn)
	if err != nil {
		return nil, err
	}
	const action = "sts:AssumeRole"
	found, err := s.findRole(ctx, account, in.RoleArn)
	if errors.Is(err, iam.ErrNoRole) {
		return nil, &iam.Denied{Caller: c.ARN, Action: action, Resource: in.RoleArn, Why: "there is no such role"}
	}
	if err != nil {
		return nil, err
	}
	keys := along.keys(in.RoleSessionName)
	if in.ExternalId != "" {
		keys = append(keys, policy.Pair{Key: "sts:ExternalId", Values: []string{in.ExternalId}})
	}
	for _, action := range along.actions(action) {
		if err := s.IAM.MayAssume(ctx, c, found.role, action, keys...); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// lifetime is how long the session shall be.
func (in *AssumeRoleInput) lifetime(c wire.Caller) (time.Duration, error) {
	lifetime := DefaultLifetime
	if in.DurationSeconds > 0 {
		lifetime = time.Duration(in.DurationSeconds) * time.Second
	}
	if c.Session != nil && lifetime > maxChained {
		return 0, validation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	return lifetime, nil
}

// roleAccount is the account in a role's ARN.
func roleAccount(arn string) (account string, err error) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::")
	account, role, ok2 := strings.Cut(rest, ":role/")
	if !ok || !ok2 || role == "" {
		return "", validation(arn + " is invalid")
	}
	return account, nil
}

// findRole finds a role of any account. It returns iam.ErrNoRole, for an account that is not there too.
func (s *Service) findRole(ctx context.Context, account, arn string) (*target, error) {
	version, err := s.accountVersion(ctx, account)
	if errors.Is(err, store.ErrNotFound) {
		return nil, iam.ErrNoRole
	}
	if err != nil {
		return nil, err
	}
	role, err := s.IAM.Role(ctx, account, version, arn)
	if err != nil {
		return nil, err
	}
	return &target{role, version}, nil
}

func (s *Service) accountVersion(ctx context.Context, account string) (version int64, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		version, err = tx.AccountVersion(account)
		return err
	})
	return version, err
}
