"""The real Pulumi engine for the lab, with small stand-ins for the plugins that cannot be had.

The command line is always the real one. Where the published plugins (the Python language host and the
`kubernetes`, `random` and `tls` providers) are neither installed nor downloadable, the stand-ins in this
package take their place. They name themselves as stand-ins wherever they speak.
"""
