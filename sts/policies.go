package sts

import (
	"context"
	"errors"

	"idpool/iam"
	"idpool/policy"
	"idpool/wire"
)

// sessionPolicies checks what limits a session before it is made. It is asked once the role may be assumed: strangers could
// look for names else.
func (s *Service) sessionPolicies(ctx context.Context, account string, version int64, inline string, named []PolicyARN) (arns []string, err error) {
	if err := checkInline(inline); err != nil {
		return nil, err
	}
	arns = policyARNs(named)
	return arns, s.checkManaged(ctx, account, version, arns)
}

// checkInline refuses a session policy that could not be evaluated. An empty one is none.
func checkInline(document string) error {
	if document == "" {
		return nil
	}
	if _, err := policy.Parse(policy.Session, document); err != nil {
		return &wire.Error{Code: "MalformedPolicyDocument", Message: err.Error()}
	}
	return nil
}

// checkManaged refuses managed policies that the role's account doesn't have. What they say is read at use.
func (s *Service) checkManaged(ctx context.Context, account string, version int64, arns []string) error {
	for _, arn := range arns {
		_, err := s.IAM.ManagedPolicy(ctx, account, version, arn)
		if errors.Is(err, iam.ErrNoPolicy) {
			return validation("PolicyArns: the account has no managed policy " + arn)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func policyARNs(named []PolicyARN) (arns []string) {
	for _, p := range named {
		arns = append(arns, p.Arn)
	}
	return arns
}
