"""The forms of declaration that are read, in the order in which they are tried."""

from fromscratch.recipe.foreign import dockerfile, hardened, mkosi
from fromscratch.recipe.foreign.contract import Form

FORMS = (
    Form(title="a definition of a Docker Hardened Image", recognises=hardened.recognises, reader=hardened.read),
    Form(title="a Dockerfile", recognises=dockerfile.recognises, reader=dockerfile.read),
    Form(title="a configuration of mkosi", recognises=mkosi.recognises, reader=mkosi.read),
)
