package sts

import (
	"context"
	"errors"

	"idpool/iam"
	"idpool/policy"
	"idpool/wire"
)

// maxPolicies is how many managed policies a session may name.
const maxPolicies = 10

// sessionPolicies checks what limits a session before it is made: what is in a token can be evaluated, and every managed
// policy of the role's account was there once. It is asked once the role may be assumed, for strangers could look for names.
func (s *Service) sessionPolicies(ctx context.Context, account string, version int64, inline string, named []PolicyARN) (arns []string, err error) {
	if inline != "" {
		if _, err := policy.Parse(policy.Session, inline); err != nil {
			return nil, &wire.Error{Code: "MalformedPolicyDocument", Message: err.Error()}
		}
	}
	if len(named) > maxPolicies {
		return nil, validation("PolicyArns: a session has at most 10 managed policies.")
	}
	for _, p := range named {
		_, err := s.IAM.ManagedPolicy(ctx, account, version, p.Arn)
		if errors.Is(err, iam.ErrNoPolicy) {
			return nil, validation("PolicyArns: the account has no managed policy " + p.Arn)
		}
		if err != nil {
			return nil, err
		}
		arns = append(arns, p.Arn)
	}
	return arns, nil
}
