package iam

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"idpool/store"
	"idpool/wire"
)

// versionID is how versions are called: v1, v2 and so on.
func versionID(number int64) string { return "v" + strconv.FormatInt(number, 10) }

// versionNumber is the number in a version's name; of a name that no version has, 0.
func versionNumber(id string) int64 {
	n, err := strconv.ParseInt(strings.TrimPrefix(id, "v"), 10, 64)
	if err != nil || versionID(n) != id {
		return 0
	}
	return n
}

func noSuchVersion(arn, id string) string {
	return "Policy " + arn + " version " + id + " does not exist or is not attachable."
}

// VersionSummary is a version of a managed policy as lists show it.
type VersionSummary struct {
	VersionId        string
	IsDefaultVersion bool
	CreateDate       wire.Time
}

// VersionDescription is a version of a managed policy as GetPolicyVersion shows it.
type VersionDescription struct {
	Document string // URL-encoded, RFC 3986
	VersionSummary
}

func summarizeVersion(p *store.Policy, v *store.PolicyVersion) VersionSummary {
	return VersionSummary{
		VersionId: versionID(v.Number), IsDefaultVersion: v.Number == p.Default, CreateDate: wire.Time{Time: v.Created},
	}
}

// CreatePolicyVersionInput is the input of CreatePolicyVersion.
type CreatePolicyVersionInput struct {
	PolicyArn      string `api:"arnType,required"`
	PolicyDocument string `api:"policyDocumentType,required"`
	SetAsDefault   bool
}

// CreatePolicyVersionOutput is the output of CreatePolicyVersion.
type CreatePolicyVersionOutput struct {
	PolicyVersion VersionSummary
}

// CreatePolicyVersion gives a policy another document. It acts from now on if it is to be the default.
func (s *Service) CreatePolicyVersion(ctx context.Context, c wire.Caller, in *CreatePolicyVersionInput) (*CreatePolicyVersionOutput, error) {
	if err := s.mayPolicy(ctx, c, "iam:CreatePolicyVersion", in.PolicyArn); err != nil {
		return nil, err
	}
	if err := checkManaged(in.PolicyDocument); err != nil {
		return nil, err
	}
	out := &CreatePolicyVersionOutput{}
	err := s.changePolicy(ctx, c, "iam:CreatePolicyVersion", in.PolicyArn, noSuchPolicy, func(tx *store.Tx, p *store.Policy) error {
		versions, err := tx.PolicyVersions(p)
		if err != nil {
			return err
		}
		if len(versions) >= MaxPolicyVersions {
			return limitExceeded("A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
		}
		if err := tx.CreatePolicyVersion(p, in.PolicyDocument); err != nil {
			return err
		}
		if in.SetAsDefault {
			p.Default = p.Latest
			if err := tx.ChangePolicy(p); err != nil {
				return err
			}
		}
		out.PolicyVersion = summarizeVersion(p, &store.PolicyVersion{Number: p.Latest, Created: p.Updated})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// PolicyVersionInput names a version of a managed policy.
type PolicyVersionInput struct {
	PolicyArn string `api:"arnType,required"`
	VersionId string `api:"policyVersionIdType,required"`
}

// GetPolicyVersionOutput is the output of GetPolicyVersion.
type GetPolicyVersionOutput struct {
	PolicyVersion VersionDescription
}

// readVersion reads a version of a policy that is stored or built in. It returns store.ErrNotFound.
func readVersion(tx *store.Tx, p *store.Policy, number int64) (*store.PolicyVersion, error) {
	builtin := findAWSPolicy(p.ARN())
	switch {
	case builtin == nil:
		return tx.PolicyVersion(p, number)
	case number != p.Default:
		return nil, store.ErrNotFound
	}
	return builtin.version(), nil
}

// GetPolicyVersion shows a document of a managed policy.
func (s *Service) GetPolicyVersion(ctx context.Context, c wire.Caller, in *PolicyVersionInput) (*GetPolicyVersionOutput, error) {
	if err := s.mayPolicy(ctx, c, "iam:GetPolicyVersion", in.PolicyArn); err != nil {
		return nil, err
	}
	out := &GetPolicyVersionOutput{}
	err := s.viewPolicy(ctx, c, in.PolicyArn, noSuchPolicy, func(tx *store.Tx, p *store.Policy) error {
		v, err := readVersion(tx, p, versionNumber(in.VersionId))
		if err != nil {
			return orNotFound(err, noSuchVersion(in.PolicyArn, in.VersionId))
		}
		out.PolicyVersion = VersionDescription{Document: encodeDocument(v.Document), VersionSummary: summarizeVersion(p, v)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListPolicyVersionsInput is the input of ListPolicyVersions.
type ListPolicyVersionsInput struct {
	PolicyArn string `api:"arnType,required"`
	Marker    string `api:"markerType"`
	MaxItems  int    `api:"maxItemsType"`
}

// ListPolicyVersionsOutput is the output of ListPolicyVersions, the newest version first.
type ListPolicyVersionsOutput struct {
	Versions []VersionSummary `xml:"Versions>member"`
	Paged
}

// ListPolicyVersions lists the versions of a managed policy, without documents.
func (s *Service) ListPolicyVersions(ctx context.Context, c wire.Caller, in *ListPolicyVersionsInput) (*ListPolicyVersionsOutput, error) {
	if err := s.mayPolicy(ctx, c, "iam:ListPolicyVersions", in.PolicyArn); err != nil {
		return nil, err
	}
	page, err := openPage(in.Marker, in.MaxItems, "ListPolicyVersions", c.Account, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	out := &ListPolicyVersionsOutput{}
	err = s.viewPolicy(ctx, c, in.PolicyArn, noSuchPolicy, func(tx *store.Tx, p *store.Policy) (err error) {
		all := []store.PolicyVersion{{Number: p.Default, Created: p.Created}}
		if p.Account != awsAccount {
			if all, err = tx.PolicyVersions(p); err != nil {
				return err
			}
		}
		summaries := make([]VersionSummary, len(all))
		for i := range all {
			summaries[len(all)-1-i] = summarizeVersion(p, &all[i])
		}
		out.Versions, out.Paged = cutPage(page, summaries, newestFirst)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// newestFirst is the key of a version in a list.
func newestFirst(v VersionSummary) string {
	return fmt.Sprintf("%019d", math.MaxInt64-versionNumber(v.VersionId))
}

// SetDefaultPolicyVersion makes a version the one that acts.
func (s *Service) SetDefaultPolicyVersion(ctx context.Context, c wire.Caller, in *PolicyVersionInput) (*wire.Nothing, error) {
	if err := s.mayPolicy(ctx, c, "iam:SetDefaultPolicyVersion", in.PolicyArn); err != nil {
		return nil, err
	}
	return nil, s.changeVersion(ctx, c, "iam:SetDefaultPolicyVersion", in, func(tx *store.Tx, p *store.Policy, number int64) error {
		p.Default = number
		return tx.ChangePolicy(p)
	})
}

// DeletePolicyVersion removes a version that is not the default one.
func (s *Service) DeletePolicyVersion(ctx context.Context, c wire.Caller, in *PolicyVersionInput) (*wire.Nothing, error) {
	if err := s.mayPolicy(ctx, c, "iam:DeletePolicyVersion", in.PolicyArn); err != nil {
		return nil, err
	}
	return nil, s.changeVersion(ctx, c, "iam:DeletePolicyVersion", in, func(tx *store.Tx, p *store.Policy, number int64) error {
		if number == p.Default {
			return deleteConflict("Cannot delete the default version of a policy.")
		}
		return tx.DeletePolicyVersion(p, number)
	})
}

// changeVersion hands the number of a version that must exist to a function that changes something about it.
func (s *Service) changeVersion(ctx context.Context, c wire.Caller, action string, in *PolicyVersionInput, f func(tx *store.Tx, p *store.Policy, number int64) error) error {
	return s.changePolicy(ctx, c, action, in.PolicyArn, noSuchPolicy, func(tx *store.Tx, p *store.Policy) error {
		number := versionNumber(in.VersionId)
		_, err := tx.PolicyVersion(p, number)
		if errors.Is(err, store.ErrNotFound) {
			return noSuchEntity(noSuchVersion(in.PolicyArn, in.VersionId))
		}
		if err != nil {
			return err
		}
		return f(tx, p, number)
	})
}
