"""HTTP: reads requests strictly, asks the clerk, writes JSON. No rule about a matter lives here."""
