package guardhousetest

import guardhouse "guardhouse.dev/sdk"

// Token adds a token with only defaults. Its client is "client".
func (builder *Builder) Token() *Builder {
	builder.token()
	return builder
}

// ClientID sets the token's client.
func (builder *Builder) ClientID(clientID string) *Builder {
	builder.token().ClientID = clientID
	return builder
}

// Subject sets the token's subject.
func (builder *Builder) Subject(subject string) *Builder {
	builder.token().Subject = &subject
	return builder
}

// Scopes sets the token's scopes.
func (builder *Builder) Scopes(scopes ...string) *Builder {
	builder.token().Scopes = scopes
	return builder
}

// ExpiresAt sets the token's expiry, in seconds since the Unix epoch.
func (builder *Builder) ExpiresAt(expiresAt int64) *Builder {
	builder.token().ExpiresAt = &expiresAt
	return builder
}

// ResourceIndicator sets the resource that the token was issued for.
func (builder *Builder) ResourceIndicator(resource string) *Builder {
	builder.token().ResourceIndicator = &resource
	return builder
}

// Claim sets one claim of the token.
func (builder *Builder) Claim(name string, value any) *Builder {
	builder.token()
	insert(&builder.documents.Claims, name, value)
	return builder
}

// Claims sets all claims of the token.
func (builder *Builder) Claims(claims any) *Builder {
	builder.token()
	builder.documents.Claims = claims
	return builder
}

// RawToken sets the bearer secret.
func (builder *Builder) RawToken(secret string) *Builder {
	builder.token()
	builder.documents.RawToken = &secret
	return builder
}

// token returns the token, which it creates if there is none. It copies the token each time, so that finished
// contexts keep theirs.
func (builder *Builder) token() *guardhouse.AccessToken {
	token := guardhouse.AccessToken{ClientID: "client"}
	if builder.ctx.Token != nil {
		token = *builder.ctx.Token
	} else {
		builder.documents.Claims = map[string]any{}
	}
	builder.ctx.Token = &token
	return &token
}
