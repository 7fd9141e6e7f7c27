"""Who may reach the server: settings, the guard around every route, token, team and sign-in pages."""
