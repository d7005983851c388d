package iam

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"idpool/policy"
	"idpool/store"
	"idpool/wire"
)

// Limits of managed policies.
const (
	MaxPolicies       = 1500 // in an account
	MaxPolicyVersions = 5    // of a policy, at one time
	maxPolicySize     = 6144 // of a document, in characters that are no white space
)

// PolicySummary is a managed policy as lists show it.
type PolicySummary struct {
	PolicyName                    string
	PolicyId                      string
	Arn                           string
	Path                          string
	DefaultVersionId              string
	AttachmentCount               int64
	PermissionsBoundaryUsageCount int64
	IsAttachable                  bool
	CreateDate                    wire.Time
	UpdateDate                    wire.Time
}

// PolicyDescription is a managed policy as GetPolicy shows it.
type PolicyDescription struct {
	PolicySummary
	Description string `xml:",omitempty"`
	Tags        []Tag  `xml:"Tags>member"`
}

func summarizePolicy(p *store.Policy) PolicySummary {
	return PolicySummary{
		PolicyName: p.Name, PolicyId: p.UniqueID, Arn: p.ARN(), Path: p.Path, DefaultVersionId: versionID(p.Default),
		AttachmentCount: p.Attachments, PermissionsBoundaryUsageCount: p.Boundaries, IsAttachable: true,
		CreateDate: wire.Time{Time: p.Created}, UpdateDate: wire.Time{Time: p.Updated},
	}
}

func describePolicy(p *store.Policy) PolicyDescription {
	return PolicyDescription{PolicySummary: summarizePolicy(p), Description: p.Description, Tags: sortedTags(p.Tags)}
}

func noSuchPolicy(arn string) string { return "Policy " + arn + " was not found." }

func notAttachable(arn string) string {
	return "Policy " + arn + " does not exist or is not attachable."
}

var policyARNForm = regexp.MustCompile(`^arn:aws:iam::([0-9]{12}|aws):policy/[!-~]+$`)

// checkPolicyARN refuses what can be the ARN of no policy. One of another account is like one of nothing.
func checkPolicyARN(arn string) error {
	if !policyARNForm.MatchString(arn) {
		return invalidInput("ARN " + arn + " is not valid.")
	}
	return nil
}

// readPolicy reads a policy of an account or one that is built in. It returns store.ErrNotFound.
func readPolicy(tx *store.Tx, account, arn string) (*store.Policy, error) {
	builtin := findAWSPolicy(arn)
	if builtin == nil {
		return tx.Policy(account, arn)
	}
	p := builtin.stored()
	var err error
	p.Attachments, p.Boundaries, err = tx.PolicyUses(account, arn)
	return p, err
}

// viewPolicy shows a policy to a function that only reads. What there is not, store.ErrNotFound, is worded by missing.
func (s *Service) viewPolicy(ctx context.Context, c wire.Caller, arn string, missing func(arn string) string, f func(*store.Tx, *store.Policy) error) error {
	if err := checkPolicyARN(arn); err != nil {
		return err
	}
	return s.DB.View(ctx, func(tx *store.Tx) error {
		p, err := readPolicy(tx, c.Account, arn)
		if err != nil {
			return orNotFound(err, missing(arn))
		}
		return f(tx, p)
	})
}

// changePolicy hands a policy to a function that changes it. What is built in nobody may change, not even the root.
func (s *Service) changePolicy(ctx context.Context, c wire.Caller, action, arn string, missing func(arn string) string, f func(*store.Tx, *store.Policy) error) error {
	if err := checkPolicyARN(arn); err != nil {
		return err
	}
	if findAWSPolicy(arn) != nil {
		return &wire.Error{
			Code: "AccessDenied", Status: http.StatusForbidden,
			Message: "User: " + c.ARN + " is not authorized to perform: " + action + " on resource: policy " + arn,
		}
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		p, err := tx.Policy(c.Account, arn)
		if err != nil {
			return orNotFound(err, missing(arn))
		}
		return f(tx, p)
	})
}

// checkManaged refuses a document of a managed policy. Unlike an inline one it needs the newer version of the language.
func checkManaged(document string) error {
	if withoutSpace(document) > maxPolicySize {
		return limitExceeded("Cannot exceed quota for PolicySize: 6144")
	}
	if _, err := parsePolicy(policy.Identity, document); err != nil {
		return err
	}
	var head struct{ Version string }
	if err := json.Unmarshal([]byte(document), &head); err != nil || head.Version != "2012-10-17" {
		return &wire.Error{Code: "MalformedPolicyDocument", Message: "Policy document must be version 2012-10-17 or greater."}
	}
	return nil
}

// CreatePolicyInput is the input of CreatePolicy.
type CreatePolicyInput struct {
	PolicyName     string `api:"policyNameType,required"`
	Path           string `api:"policyPathType"`
	PolicyDocument string `api:"policyDocumentType,required"`
	Description    string `api:"policyDescriptionType"`
	Tags           []Tag  `api:"tagListType"`
}

// PolicyOutput is the output of CreatePolicy and GetPolicy.
type PolicyOutput struct {
	Policy PolicyDescription
}

// CreatePolicy makes a managed policy, whose document is its version v1.
func (s *Service) CreatePolicy(ctx context.Context, c wire.Caller, in *CreatePolicyInput) (*PolicyOutput, error) {
	p := &store.Policy{Account: c.Account, Name: in.PolicyName, Path: in.Path, Description: in.Description}
	if p.Path == "" {
		p.Path = "/"
	}
	if err := s.mayCreate(ctx, c, "Policy", p.ARN(), in.Tags); err != nil {
		return nil, err
	}
	if err := checkManaged(in.PolicyDocument); err != nil {
		return nil, err
	}
	var err error
	if p.Tags, err = tagMap(in.Tags); err != nil {
		return nil, err
	}
	if p.UniqueID, err = uniqueID(s.Rand, "ANPA", 21); err != nil {
		return nil, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.PolicyCount(c.Account)
		if err != nil {
			return err
		}
		if n >= MaxPolicies {
			return limitExceeded("Cannot exceed quota for PoliciesPerAccount: 1500")
		}
		return tx.CreatePolicy(p, in.PolicyDocument)
	})
	if errors.Is(err, store.ErrExists) {
		return nil, alreadyExists("A policy called " + in.PolicyName + " already exists. Duplicate names are not allowed.")
	}
	if err != nil {
		return nil, err
	}
	return &PolicyOutput{Policy: describePolicy(p)}, nil
}

// PolicyInput names a managed policy.
type PolicyInput struct {
	PolicyArn string `api:"arnType,required"`
}

// GetPolicy describes a managed policy. Its documents are shown by GetPolicyVersion.
func (s *Service) GetPolicy(ctx context.Context, c wire.Caller, in *PolicyInput) (*PolicyOutput, error) {
	if err := s.mayPolicy(ctx, c, "iam:GetPolicy", in.PolicyArn); err != nil {
		return nil, err
	}
	out := &PolicyOutput{}
	err := s.viewPolicy(ctx, c, in.PolicyArn, noSuchPolicy, func(_ *store.Tx, p *store.Policy) error {
		out.Policy = describePolicy(p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeletePolicy removes a managed policy that nobody has and that has one version.
func (s *Service) DeletePolicy(ctx context.Context, c wire.Caller, in *PolicyInput) (*wire.Nothing, error) {
	if err := s.mayPolicy(ctx, c, "iam:DeletePolicy", in.PolicyArn); err != nil {
		return nil, err
	}
	return nil, s.changePolicy(ctx, c, "iam:DeletePolicy", in.PolicyArn, notAttachable, func(tx *store.Tx, p *store.Policy) error {
		if p.Attachments+p.Boundaries > 0 {
			return deleteConflict("Cannot delete a policy attached to entities.")
		}
		versions, err := tx.PolicyVersions(p)
		if err != nil {
			return err
		}
		if len(versions) > 1 {
			return deleteConflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
		}
		return tx.DeletePolicy(p)
	})
}

// ListPoliciesInput is the input of ListPolicies.
type ListPoliciesInput struct {
	Scope             string `api:"policyScopeType"`
	OnlyAttached      bool
	PathPrefix        string `api:"policyPathType"`
	PolicyUsageFilter string `api:"PolicyUsageType"`
	Marker            string `api:"markerType"`
	MaxItems          int    `api:"maxItemsType"`
}

// filter says which policies are listed.
func (in *ListPoliciesInput) filter() store.PolicyFilter {
	f := store.PolicyFilter{PathPrefix: in.PathPrefix}
	switch in.PolicyUsageFilter {
	case usagePermissions:
		f.Attachments = 1
	case usageBoundary:
		f.Boundaries = 1
	}
	if in.OnlyAttached {
		f.Uses = 1
	}
	return f
}

// The values of PolicyUsageFilter.
const (
	usagePermissions = "PermissionsPolicy"
	usageBoundary    = "PermissionsBoundary"
)

// ListPoliciesOutput is the output of ListPolicies.
type ListPoliciesOutput struct {
	Policies []PolicySummary `xml:"Policies>member"`
	Paged
}

// policyKey is what policies are listed by: those that are built in first.
func policyKey(p store.Policy) string {
	if p.Account == awsAccount {
		return "aws/" + p.Key()
	}
	return localKey + p.Key()
}

const localKey = "local/"

// ListPolicies lists managed policies, those that are built in and the account's own.
func (s *Service) ListPolicies(ctx context.Context, c wire.Caller, in *ListPoliciesInput) (*ListPoliciesOutput, error) {
	if err := s.Authorize(ctx, c, "iam:ListPolicies", "arn:aws:iam::"+c.Account+":policy/*"); err != nil {
		return nil, err
	}
	filter := in.filter()
	page, err := openPage(in.Marker, in.MaxItems, "ListPolicies", c.Account, in.Scope, in.PathPrefix, in.PolicyUsageFilter,
		strconv.FormatBool(in.OnlyAttached))
	if err != nil {
		return nil, err
	}
	after, ok := strings.CutPrefix(page.after, localKey)
	if !ok { // still among those that are built in
		after = ""
	}
	var all []store.Policy
	err = s.DB.ViewStale(ctx, func(tx *store.Tx) (err error) {
		all = nil
		if in.Scope != "Local" {
			if all, err = listAWSPolicies(tx, c.Account, filter); err != nil {
				return err
			}
		}
		if in.Scope != "AWS" {
			local, err := tx.Policies(c.Account, filter, after, page.read())
			all = append(all, local...)
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := &ListPoliciesOutput{}
	shown, end := cutPage(page, all, policyKey)
	out.Paged = end
	for i := range shown {
		out.Policies = append(out.Policies, summarizePolicy(&shown[i]))
	}
	return out, nil
}

// listAWSPolicies lists the policies that are built in, with their uses in an account.
func listAWSPolicies(tx *store.Tx, account string, f store.PolicyFilter) ([]store.Policy, error) {
	var all []store.Policy
	for i := range awsPolicies {
		p := awsPolicies[i].stored()
		var err error
		if p.Attachments, p.Boundaries, err = tx.PolicyUses(account, p.ARN()); err != nil {
			return nil, err
		}
		if strings.HasPrefix(p.Path, f.PathPrefix) && p.Attachments >= f.Attachments && p.Boundaries >= f.Boundaries &&
			p.Attachments+p.Boundaries >= f.Uses {
			all = append(all, *p)
		}
	}
	return all, nil
}
