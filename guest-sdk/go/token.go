package guardhouse

import "slices"

// AccessToken is a verified OAuth 2.0 access token. It does not contain the bearer secret; see package
// rawtoken.
type AccessToken struct {
	// ClientID is the OAuth client that presented the token (RFC 9068 client_id).
	ClientID string
	// Subject is the user that the token was issued for (RFC 7519 sub); nil for a client acting for itself.
	Subject *string
	// Scopes are the scopes granted.
	Scopes []string
	// ExpiresAt is in seconds since the Unix epoch; nil if the token never expires. The token's verifier
	// has checked it.
	ExpiresAt *int64
	// ResourceIndicator is the resource that the token was issued for (RFC 8707); nil if it names none.
	ResourceIndicator *string
}

// HasScope reports whether the token holds scope, compared by code point.
func (token *AccessToken) HasScope(scope string) bool {
	return slices.Contains(token.Scopes, scope)
}

// HasScopes reports whether the token holds all scopes; it is true if there are none.
func (token *AccessToken) HasScopes(scopes ...string) bool {
	for _, scope := range scopes {
		if !token.HasScope(scope) {
			return false
		}
	}
	return true
}

// MissingScopes returns the scopes that the token lacks, in the order given, without duplicates.
func (token *AccessToken) MissingScopes(scopes ...string) []string {
	var missing []string
	for _, scope := range scopes {
		if !token.HasScope(scope) && !slices.Contains(missing, scope) {
			missing = append(missing, scope)
		}
	}
	return missing
}

// Component is the component being accessed, in the sense of the Model Context Protocol, not of WebAssembly.
type Component struct {
	// Kind is "tool", "resource", "resource-template", "prompt", or any other kind that the enforcement
	// point names.
	Kind string
	// Name is unique within its kind.
	Name string
	// URI is the URI of a resource, or the URI template of a resource template; nil for others.
	URI *string
	// Version is the version; nil if the component has none.
	Version *string
	// Tags are the labels that the component's author gave it.
	Tags []string
}

// HasTag reports whether the component has tag, compared by code point.
func (component *Component) HasTag(tag string) bool {
	return slices.Contains(component.Tags, tag)
}
