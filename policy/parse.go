package policy

import (
	"strings"
	"unicode/utf8"
)

// What Parse accepts. IAM's own limit on the parameter is 131,072 characters; its quotas per kind of policy (2,048 to
// 10,240) are for who stores the document to check. The limit on statements is ours.
const (
	maxCharacters = 131072
	maxStatements = 500
)

// draft is a document as it was read. Its texts are compiled when all of it is known, since Version may stand last.
type draft struct {
	version    string
	statements []statementDraft
}

// statementDraft holds the elements of a statement as they were read; present says which there are.
type statementDraft struct {
	path       string
	present    map[string]bool
	sid        string
	effect     string
	principals []principal
	actions    []text
	resources  []text
	conditions []conditionDraft
}

// conditionDraft is one key of one operator.
type conditionDraft struct {
	condition
	values []text
}

// Parse reads a document: Grammar of the IAM JSON policy language. The error is a *SyntaxError.
func Parse(kind Kind, document string) (*Policy, error) {
	// Four bytes is the longest a character can be; checked first, so that a huge document isn't even counted.
	if len(document) > 4*maxCharacters || utf8.RuneCountInString(document) > maxCharacters {
		return nil, refuse("", "The policy is longer than %d characters", maxCharacters)
	}
	if !utf8.ValidString(document) {
		return nil, refuse("", "The policy is not valid UTF-8")
	}
	var d draft
	if err := d.read(newReader(document)); err != nil {
		return nil, err
	}
	switch d.version {
	case "", "2008-10-17", "2012-10-17":
	default:
		return nil, refuse("Version", "The policy must contain a valid version string, not %q", clip(d.version))
	}
	if len(d.statements) == 0 {
		return nil, malformed("Statement", "a policy needs at least one statement")
	}
	policy, sids := &Policy{kind: kind}, make(map[string]bool)
	for i := range d.statements {
		from := &d.statements[i]
		if from.sid != "" && sids[from.sid] {
			return nil, refuse(from.path+".Sid", "Statement IDs (SID) in a single policy must be unique.")
		}
		sids[from.sid] = true
		if err := from.check(kind); err != nil {
			return nil, err
		}
		s, err := from.compile(d.version == "2012-10-17")
		if err != nil {
			return nil, err
		}
		policy.statements = append(policy.statements, s)
	}
	return policy, nil
}

func (d *draft) read(r *reader) error {
	err := r.object("", func(path, name string) (err error) {
		switch name {
		case "Version":
			d.version, err = r.string(path)
		case "Id":
			// IAM takes it in every kind of policy, though the grammar would have it in resource-based ones only.
			_, err = r.string(path)
		case "Statement":
			err = r.each(path, func(path string) error {
				if len(d.statements) == maxStatements {
					return malformed(path, "a policy may have at most %d statements", maxStatements)
				}
				s := statementDraft{path: path, present: make(map[string]bool)}
				err := s.read(r)
				d.statements = append(d.statements, s)
				return err
			})
		default:
			err = malformed(path, "unknown element")
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.end()
}

func (s *statementDraft) read(r *reader) error {
	return r.object(s.path, func(path, name string) (err error) {
		s.present[name] = true
		switch name {
		case "Sid":
			s.sid, err = r.string(path)
		case "Effect":
			s.effect, err = r.string(path)
		case "Principal", "NotPrincipal":
			err = s.readPrincipals(r, path)
		case "Action", "NotAction":
			s.actions, err = r.strings(path)
		case "Resource", "NotResource":
			s.resources, err = r.strings(path)
		case "Condition":
			err = s.readConditions(r, path)
		default:
			err = malformed(path, "unknown element")
		}
		return err
	})
}

// readPrincipals reads "*" or a map from the type of principals to their names.
func (s *statementDraft) readPrincipals(r *reader, path string) error {
	if r.json.PeekKind() == '"' {
		name, err := r.string(path)
		if err == nil && name != "*" {
			err = refuse(path, "Invalid principal in policy: %q", clip(name))
		}
		s.principals = append(s.principals, principal{everyone: true, name: name})
		return err
	}
	return r.object(path, func(path, name string) error {
		kind, ok := principalTypes[name]
		if !ok {
			return refuse(path, "Invalid principal in policy: %q", clip(name))
		}
		names, err := r.strings(path)
		if err == nil && len(names) == 0 {
			return refuse(path, "Missing required field Principal cannot be empty!")
		}
		for _, name := range names {
			p, invalid := parsePrincipal(kind, name)
			if invalid != nil {
				return invalid
			}
			s.principals = append(s.principals, p)
		}
		return err
	})
}

// readConditions reads a map from operators to maps from keys to values.
func (s *statementDraft) readConditions(r *reader, path string) error {
	return r.object(path, func(path, operator string) error {
		c, err := parseCondition(path, operator)
		if err != nil {
			return err
		}
		keys := make(map[string]bool)
		return r.object(path, func(path, key string) error {
			// Names of keys are case-insensitive, and who reads them into a map keeps one of the two.
			folded := strings.ToLower(key)
			if key == "" || keys[folded] {
				return malformed(path, "condition keys must be non-empty and differ in more than the case of their letters")
			}
			keys[folded] = true
			values, err := r.values(path)
			if err == nil && len(values) == 0 {
				// One reader takes it for a condition that is never met, another for none at all.
				return malformed(path, "a condition key needs at least one value")
			}
			c.key = key
			s.conditions = append(s.conditions, conditionDraft{c, values})
			return err
		})
	})
}
