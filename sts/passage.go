package sts

import (
	"regexp"
	"strings"

	"idpool/iam"
	"idpool/identity"
	"idpool/policy"
)

// Tag is a session tag as AssumeRole writes it.
type Tag struct {
	Key   string `api:"tagKeyType,required"`
	Value string `api:"tagValueType,required"`
}

// maxTags is how many session tags a call may bring, those that it inherits aside.
const maxTags = 50

// passage is what goes along into a session beside the role: session tags, and who is behind it.
type passage struct {
	tags       map[string]string // with those that a chain brings along
	transitive []string          // keys of tags that go further along
	source     string            // the source identity; empty: none

	asked []string // the keys that the call itself calls transitive
}

var (
	tagKeyForm   = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$`)
	tagValueForm = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$`)
	sourceForm   = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`) // session names have it too
)

// tagProblem says what is wrong with session tags, empty for nothing. Those of AssumeRole have gone through the shapes; tokens
// and assertions say what they like.
func tagProblem(tags map[string]string, transitive []string) string {
	if len(tags) > maxTags {
		return "More than 50 session tags."
	}
	if !identity.TagKeysDiffer(tags) {
		return "Duplicate tag keys found. Please note that Tag keys are case insensitive."
	}
	for key, value := range tags {
		switch {
		case !tagKeyForm.MatchString(key) || !tagValueForm.MatchString(value):
			return "A session tag has a key or a value of a form that is not allowed."
		case len(key) >= 4 && strings.EqualFold(key[:4], "aws:"):
			return "Session tags whose keys begin with aws: are reserved."
		}
	}
	for _, key := range transitive {
		if !identity.HasTag(tags, key) {
			return "The specified transitive tag key must be included in the requested tags."
		}
	}
	return ""
}

// inherit adds what a role's session hands on to those that it makes. It says what is wrong, empty for nothing.
func (p *passage) inherit(from *iam.Session) string {
	if from == nil {
		return ""
	}
	for _, key := range from.Transitive {
		if identity.HasTag(p.tags, key) {
			return "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session."
		}
	}
	for _, key := range from.Transitive {
		p.tags[key] = from.Tags[key]
		p.transitive = append(p.transitive, key)
	}
	return ""
}

// actions are what policies have to allow: the first, and what goes along.
func (p *passage) actions(first string) []string {
	actions := []string{first}
	if len(p.tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if p.source != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	return actions
}

// keys are the condition keys of a call that makes a session. Tags that are handed on count as those of the call: a role that
// takes certain ones takes no others by a detour.
func (p *passage) keys(sessionName string) policy.Context {
	keys := policy.Context{{Key: "sts:RoleSessionName", Values: []string{sessionName}}}
	if p.source != "" {
		keys = append(keys, policy.Pair{Key: "sts:SourceIdentity", Values: []string{p.source}})
	}
	if len(p.asked) > 0 {
		keys = append(keys, policy.Pair{Key: "sts:TransitiveTagKeys", Values: p.asked})
	}
	return append(keys, iam.RequestTags(p.tags)...)
}

// into writes what goes along into a session.
func (p *passage) into(session *Session) *Session {
	if len(p.tags) > 0 {
		session.Tags = p.tags
	}
	session.Transitive, session.SourceIdentity = p.transitive, p.source
	return session
}
