"""A message: sent by the channel that consent allows, then notified, opened, confirmed, answered or expired.

Technical reports on a notification count only while the message is unread: a late one overturns nothing.
"""
