package policy

import (
	"strings"
)

// check tells whether the statement has the elements that policies of this kind need, and no others.
func (s *statementDraft) check(kind Kind) error {
	for _, element := range []string{"Principal", "Action", "Resource"} {
		if s.present[element] && s.present["Not"+element] {
			return malformed(s.path, "a statement has either %s or Not%[1]s", element)
		}
	}
	switch {
	case !s.present["Effect"]:
		return refuse(s.path, "Missing required field Effect")
	case s.effect != "Allow" && s.effect != "Deny":
		return refuse(s.path+".Effect", "Invalid effect: %s", clip(s.effect))
	case len(s.actions) == 0:
		return refuse(s.path, "Policy statement must contain actions.")
	}
	for _, action := range s.actions {
		if err := checkAction(kind, action); err != nil {
			return err
		}
	}
	switch kind {
	case Trust:
		if err := s.checkNoResource(); err != nil {
			return err
		}
		return s.checkPrincipal()
	case Resource:
		if len(s.resources) == 0 {
			return refuse(s.path, "Policy statement must contain resources.")
		}
		return s.checkPrincipal()
	}
	return s.checkIdentity()
}

// checkNoResource checks what trust policies don't have: the role is the resource.
func (s *statementDraft) checkNoResource() error {
	switch {
	case s.present["Resource"]:
		return refuse(s.path+".Resource", "Has prohibited field Resource")
	case s.present["NotResource"]:
		return refuse(s.path+".NotResource", "AssumeRole policy must not contain resources.")
	}
	return nil
}

// checkPrincipal checks what only trust and resource policies have.
func (s *statementDraft) checkPrincipal() error {
	switch {
	case !s.present["Principal"] && !s.present["NotPrincipal"]:
		return refuse(s.path, "Missing required field Principal")
	case len(s.principals) == 0:
		return refuse(s.path, "Missing required field Principal cannot be empty!")
	case s.present["NotPrincipal"] && s.effect == "Allow":
		// It would let in everyone but the few named, anonymous callers too.
		return refuse(s.path+".NotPrincipal", "Allow with NotPrincipal is not allowed.")
	}
	return nil
}

// checkIdentity checks what only identity policies, boundaries and session policies have, and what they don't.
func (s *statementDraft) checkIdentity() error {
	switch {
	case s.present["Principal"] || s.present["NotPrincipal"]:
		return refuse(s.path, "Policy document should not specify a principal.")
	case len(s.resources) == 0:
		return refuse(s.path, "Policy statement must contain resources.")
	}
	for _, r := range s.sid {
		if !isAlphanumeric(r) {
			return refuse(s.path+".Sid", "Statement IDs (SID) must be alpha-numeric. "+
				"Check that your input satisfies the regular expression [0-9A-Za-z]*")
		}
	}
	return nil
}

// checkAction wants VENDOR:NAME, or "*" for all there are. Wildcards may stand in the name. IAM refuses the same, in the
// same words; a trust policy may speak of STS only.
func checkAction(kind Kind, action text) error {
	vendor, name, found := strings.Cut(action.value, ":")
	valid := vendor == "*" || vendor != "" && strings.IndexFunc(vendor, func(r rune) bool {
		return !isAlphanumeric(r) && r != '-' && r != '.'
	}) < 0
	switch {
	case kind == Trust && !(found && strings.EqualFold(vendor, "sts")):
		return refuse(action.path, "AssumeRole policy may only specify STS AssumeRole actions.")
	case !found && action.value != "*":
		return refuse(action.path, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
	case !valid:
		return refuse(action.path, "Vendor %s is not valid", clip(vendor))
	case strings.Contains(name, ":"):
		return refuse(action.path, "Actions/Condition can contain only one colon.")
	}
	return nil
}

// checkResource wants "*" or an ARN. One that ends in `*` may be shorter than an ARN's six fields, such as arn:aws:s3:*; any
// other would match nothing. Variables may stand "only in the resource portion of the ARN [...] after the fifth colon"
// (IAM policy elements: Variables and tags).
func checkResource(resource text, variables bool) error {
	if resource.value == "*" {
		return nil
	}
	head, hasVariable := resource.value, false
	if variables {
		head, _, hasVariable = strings.Cut(resource.value, "${")
	}
	fields := strings.Count(head, ":") >= 5
	switch {
	case !strings.HasPrefix(head, "arn:"), !fields && !hasVariable && !strings.HasSuffix(head, "*"):
		return refuse(resource.path, "Resource %s must be in ARN format or \"*\".", clip(resource.value))
	case !fields && hasVariable:
		return malformed(resource.path, "a policy variable may stand only after the fifth colon of an ARN")
	}
	return nil
}

// compile makes a statement that was checked ready to be evaluated.
func (s *statementDraft) compile(variables bool) (statement, error) {
	to := statement{
		path:         s.path,
		sid:          s.sid,
		effect:       Allow,
		principals:   s.principals,
		notPrincipal: s.present["NotPrincipal"],
		notAction:    s.present["NotAction"],
		notResource:  s.present["NotResource"],
	}
	if s.effect == "Deny" {
		to.effect = Deny
	}
	// {"AWS": "*"} is the same as "*" for anonymous callers, says the guide; of logins and services it says nothing. A Deny
	// means them too, an Allow doesn't.
	for i := range to.principals {
		p := &to.principals[i]
		p.everyone = p.everyone || p.name == "*" && to.effect == Deny && !to.notPrincipal
	}
	for _, action := range s.actions {
		p, err := compile(action, syntax{wildcards: true, fold: true})
		if err != nil {
			return to, err
		}
		to.actions = append(to.actions, p)
	}
	for _, resource := range s.resources {
		if err := checkResource(resource, variables); err != nil {
			return to, err
		}
		p, err := compile(resource, syntax{wildcards: true, variables: variables})
		if err != nil {
			return to, err
		}
		to.resources = append(to.resources, p)
	}
	for _, from := range s.conditions {
		c := from.condition
		for _, value := range from.values {
			o, err := c.test.compile(value, variables)
			if err != nil {
				return to, err
			}
			c.operands = append(c.operands, o)
		}
		to.conditions = append(to.conditions, c)
	}
	return to, nil
}

func isAlphanumeric(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}
