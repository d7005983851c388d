package audit

import "strings"

// userIdentity says who called. Which members it has goes by Type.
type userIdentity struct {
	Type             string          `json:"type"`
	PrincipalID      string          `json:"principalId,omitempty"`
	ARN              string          `json:"arn,omitempty"`
	Account          string          `json:"accountId,omitempty"`
	AccessKeyID      string          `json:"accessKeyId,omitempty"`
	UserName         string          `json:"userName,omitempty"`
	IdentityProvider string          `json:"identityProvider,omitempty"`
	SessionContext   *sessionContext `json:"sessionContext,omitempty"`
}

type sessionContext struct {
	Issuer sessionIssuer `json:"sessionIssuer"`
}

// sessionIssuer is the role of a session. CloudTrail gives its ARN too; a session's ARN does not have the role's path, so
// that of the role is not known here.
type sessionIssuer struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId"`
	Account     string `json:"accountId"`
	UserName    string `json:"userName"`
}

func (c *Call) identity() userIdentity {
	caller := c.Caller
	if caller == nil {
		return c.unsigned()
	}
	u := userIdentity{
		Type: "IAMUser", PrincipalID: caller.UserID, ARN: caller.ARN, Account: caller.Account, AccessKeyID: caller.AccessKeyID,
	}
	kind, name, _ := strings.Cut(arnField(caller.ARN, 5), "/")
	switch {
	case caller.Root:
		u.Type = "Root"
	case kind == "assumed-role":
		u.Type = "AssumedRole"
		roleID, _, _ := strings.Cut(caller.UserID, ":")
		role, _, _ := strings.Cut(name, "/")
		u.SessionContext = &sessionContext{sessionIssuer{Type: "Role", PrincipalID: roleID, Account: caller.Account, UserName: role}}
	default:
		u.UserName = name[strings.LastIndexByte(name, '/')+1:] // what stands before it is the user's path
	}
	return u
}

// unsigned is who a call says to be whose token stands for a signature. Only a token that was taken says so.
func (c *Call) unsigned() userIdentity {
	switch c.Operation {
	case "AssumeRoleWithSAML":
		u := userIdentity{Type: "SAMLUser"}
		qualifier, _ := c.Response["nameQualifier"].(string)
		if subject, _ := c.Response["subject"].(string); subject != "" {
			u.PrincipalID, u.UserName, u.IdentityProvider = qualifier+":"+subject, subject, qualifier
		}
		return u
	case "AssumeRoleWithWebIdentity":
	default:
		return userIdentity{Type: "Unknown"}
	}
	u := userIdentity{Type: "WebIdentityUser"}
	provider, _ := c.Response["provider"].(string)
	audience, _ := c.Response["audience"].(string)
	subject, _ := c.Response["subjectFromWebIdentityToken"].(string)
	if subject != "" {
		u.PrincipalID, u.UserName, u.IdentityProvider = provider+":"+audience+":"+subject, subject, provider
	}
	return u
}
